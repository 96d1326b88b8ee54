import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkFleet } from './check-fleet.ts';
import { type Fleet, FleetStarter } from './fleet-starter.ts';
import { followFleet } from './follow-fleet.ts';
import { printVerdicts } from './print-verdicts.ts';
import { Progress } from './progress.ts';
import { showFirstEdit } from './show-first-edit.ts';

/** The demo proper: whatever happens, nothing that it has started is left when it ends. */

const LOGS = 'logs';

const isCheck = process.argv.includes('--check');
const progress = new Progress();
const starter = new FleetStarter();
const root = await mkdtemp(join(tmpdir(), 'replicator-kuma-demo-'));
const logDirectory = join(root, LOGS);
const stop = new AbortController();
/** Rejects with the signal's name. */
const stopped = new Promise<never>((_resolve, reject) => {
	stop.signal.addEventListener('abort', () => reject(stop.signal.reason), { once: true });
});
/** Once it is, a Ctrl-C is how a person ends it, and no failure. */
let isShown = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort(signal));
// Whoever read along (a terminal, `| head`) is gone.
process.stdout.on('error', () => stop.abort('SIGHUP'));

const exitCode = await tellFailure(() => Promise.race([run(), stopped]));
const finalExitCode = await tellFailure(async () => {
	await progress.step('Stopping everything', () => starter.stop());
	await tidyUp(exitCode === 1);
	return exitCode;
});
// What was interrupted may still wait for an answer.
process.exit(finalExitCode);

/** @returns the exit code. */
async function run(): Promise<number> {
	const fleet = await starter.start({ root, logDirectory, progress, signal: stop.signal });
	if (!isCheck) introduce(fleet);
	await showFirstEdit(fleet, progress);
	if (isCheck) return printVerdicts(await checkFleet(fleet, progress), progress) ? 0 : 1;
	progress.line();
	progress.line(
		`Now edit something yourself at ${fleet.leader.url} and watch it arrive. Ctrl-C ends the demo.`,
	);
	progress.line();
	isShown = true;
	return followFleet(fleet, progress);
}

function introduce({ leader, replicas, username, password }: Fleet): void {
	progress.line();
	for (const { name, url, mode } of [leader, ...replicas])
		progress.line(`  ${name.padEnd(10)} ${progress.colour('bold', url)}  ${mode}`);
	progress.line(`  user       ${username}, password ${password}`);
	progress.line(`  logs       ${logDirectory}`);
	progress.line();
}

async function tellFailure(work: () => Promise<number>): Promise<number> {
	try {
		return await work();
	} catch (error) {
		if (stop.signal.aborted && error === stop.signal.reason) return exitCodeOf(stop.signal.reason);
		progress.failed(error instanceof Error ? (error.stack ?? error.message) : String(error));
		return 1;
	}
}

function exitCodeOf(signal: NodeJS.Signals): number {
	return isShown && signal === 'SIGINT' ? 0 : 128 + constants.signals[signal];
}

/** What can say why it failed is kept. */
async function tidyUp(hasFailed: boolean): Promise<void> {
	const names = await readdir(root);
	const kept = hasFailed && names.includes(LOGS) ? [LOGS] : [];
	for (const name of names.filter((each) => !kept.includes(each)))
		await rm(join(root, name), { recursive: true, force: true });
	if (kept.length === 0) await rm(root, { recursive: true, force: true });
	else progress.line(`The logs are kept in ${logDirectory}`);
}
