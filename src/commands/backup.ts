import type { Command } from 'commander';
import { exitCodeOfReport } from './exit-code.ts';
import { openContext } from './opening/open-context.ts';
import { runOrAsk } from './opening/run-or-ask.ts';
import { printReport } from './printing/print.ts';

interface Options {
	readonly takeOver: boolean;
	readonly allowDeletes: boolean;
	readonly dropHeld: string[];
	readonly json: boolean;
}

export function addBackupCommand(program: Command): void {
	program
		.command('backup')
		.description('publish what this instance has, once, now')
		.option('--take-over', 'overrule the newest snapshot although this instance never held it', false)
		.option(
			'--allow-deletes',
			'confirm for all replicas that they may delete what is not in the snapshot',
			false,
		)
		.option(
			'--drop-held <table/key...>',
			'give up rows that could not be applied here, for the whole fleet',
			[],
		)
		.option('--json', 'print the result as JSON', false)
		.addHelpText(
			'after',
			`
Kuma may be running or not. If replicator-kuma runs on the same data directory, it is asked to do it.

Exit codes: 0 published or nothing to publish, 3 not published because a person must decide, 1 failed.

Examples:
  $ replicator-kuma backup
  $ replicator-kuma backup --take-over
  $ replicator-kuma backup --drop-held monitor/64`,
		)
		.action(async ({ takeOver, allowDeletes, dropHeld, json }: Options) => {
			const context = openContext({ needsRepository: true });
			const report = await runOrAsk(context, (acting) =>
				acting.backup({ takesOver: takeOver, allowsDeletes: allowDeletes, dropsHeld: dropHeld }),
			);
			printReport(report, { json });
			process.exitCode = exitCodeOfReport(report);
		});
}
