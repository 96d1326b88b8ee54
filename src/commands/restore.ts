import type { Command } from 'commander';
import { exitCodeOfReport } from './exit-code.ts';
import { openContext } from './opening/open-context.ts';
import { runOrAsk } from './opening/run-or-ask.ts';
import { printReport } from './printing/print.ts';

interface Options {
	readonly allowDeletes: boolean;
	readonly dryRun: boolean;
	readonly json: boolean;
}

export function addRestoreCommand(program: Command): void {
	program
		.command('restore')
		.description('apply the newest snapshot, or an older one, once, now')
		.argument(
			'[snapshot]',
			'the beginning of a snapshot id (see "replicator-kuma snapshots"); the newest when absent',
		)
		.option('--allow-deletes', 'carry out a plan that is held because it deletes too much', false)
		.option('--dry-run', 'print what would change, and change nothing', false)
		.option('--json', 'print the result as JSON', false)
		.addHelpText(
			'after',
			`
Kuma may be running or not. If replicator-kuma runs on the same data directory, it is asked to do it, and lets Kuma
take the change up; a Kuma that was started by something else must be restarted by hand.

Exit codes: 0 applied or nothing to apply, 3 held until a person decides, 1 failed.

Examples:
  $ replicator-kuma restore --dry-run
  $ replicator-kuma restore 4f3a9c21
  $ replicator-kuma restore --allow-deletes`,
		)
		.action(async (snapshot: string | undefined, { allowDeletes, dryRun, json }: Options) => {
			const context = openContext({ needsRepository: true });
			const report = await runOrAsk(context, (acting) =>
				acting.restore({ snapshotId: snapshot ?? null, allowsDeletes: allowDeletes, isDryRun: dryRun }),
			);
			printReport(report, { json });
			process.exitCode = exitCodeOfReport(report);
		});
}
