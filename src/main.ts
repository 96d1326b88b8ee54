import { Command, CommanderError } from 'commander';
import { EXIT_CODES, exitCodeOf } from './commands/exit-code.ts';
import { maskSecrets } from './log/secrets.ts';
import { PRODUCT_VERSION } from './model/product-version.ts';
import { ReplicatorError } from './model/replicator-error.ts';

const program = new Command('replicator-kuma')
	.description('Keeps a fleet of Uptime Kuma instances in sync: edit one, and every other one follows.')
	.version(PRODUCT_VERSION)
	.exitOverride()
	.showHelpAfterError(
		'"replicator-kuma --help" lists the commands, "replicator-kuma COMMAND --help" says what one takes.',
	)
	.addHelpText(
		'after',
		`
Configured by environment variables: RESTIC_REPOSITORY, RESTIC_PASSWORD, REPLICATOR_MODE, DATA_DIR, NTFY_URL and what
restic knows. "replicator-kuma doctor" shows and checks them.

Exit codes: ${EXIT_CODES.done} done, ${EXIT_CODES.failed} failed, ${EXIT_CODES.misused} wrong command line or configuration, ${EXIT_CODES.needsDecision} a person must decide,
${EXIT_CODES.notAvailable} another replicator-kuma has the data directory, or none is running, ${EXIT_CODES.kumaNotStartable} Kuma could not be started or stopped.

Examples:
  $ replicator-kuma run                  start Kuma and replicate
  $ replicator-kuma status               see what it does
  $ replicator-kuma restore --dry-run    see what the newest snapshot would change here`,
	);

/** Loaded when they are asked for: a command pays, in time and memory, for what it uses. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
	run: async () => (await import('./commands/run.ts')).addRunCommand,
	backup: async () => (await import('./commands/backup.ts')).addBackupCommand,
	restore: async () => (await import('./commands/restore.ts')).addRestoreCommand,
	diff: async () => (await import('./commands/diff.ts')).addDiffCommand,
	snapshots: async () => (await import('./commands/snapshots.ts')).addSnapshotsCommand,
	export: async () => (await import('./commands/export.ts')).addExportCommand,
	import: async () => (await import('./commands/import.ts')).addImportCommand,
	status: async () => (await import('./commands/status.ts')).addStatusCommand,
	doctor: async () => (await import('./commands/doctor/doctor.ts')).addDoctorCommand,
};

const asked = process.argv[2] ?? '';
const names = Object.hasOwn(COMMANDS, asked) ? [asked] : Object.keys(COMMANDS);
for (const name of names) (await COMMANDS[name]?.())?.(program);

// That Node calls its SQLite an experiment is for us to know; it would stand above every command's output.
process.removeAllListeners('warning');
process.on('warning', ({ name, message }) => {
	if (name !== 'ExperimentalWarning') process.stderr.write(`${maskSecrets(`${name}: ${message}`)}\n`);
});
// Who reads only the beginning of the output ("| head") has seen enough.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
	if (code === 'EPIPE') process.exit();
});

/** Tells a failure: what and the way out, and a stack only for what is a bug. */
function tell(error: unknown): void {
	const lines =
		error instanceof ReplicatorError
			? [`Error: ${error.message}`, ...(error.hint === undefined ? [] : [error.hint])]
			: [
					'This is a bug in replicator-kuma; please report it:',
					error instanceof Error ? (error.stack ?? error.message) : String(error),
				];
	process.stderr.write(`${maskSecrets(lines.join('\n'))}\n`);
}

try {
	await program.parseAsync();
} catch (error) {
	if (error instanceof CommanderError) {
		process.exitCode = error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.misused;
	} else {
		tell(error);
		process.exitCode = exitCodeOf(error);
	}
}
// What is still open (a notice under way, a half-open connection) must not keep a finished command alive. An exit drops
// what a slow reader has not taken yet, so that goes first.
for (const stream of [process.stdout, process.stderr]) {
	await new Promise<void>((resolve) => stream.write('', () => resolve()));
}
process.exit();
