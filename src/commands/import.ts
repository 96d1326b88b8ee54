import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CATALOG } from '../catalog/index.ts';
import { isReplicatorError, ReplicatorError } from '../model/replicator-error.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { describePlan, summarisePlan } from '../plan/words/describe-plan.ts';
import { NO_RELOAD } from '../reload/no-reload.ts';
import { type ApplyOutcome, applySnapshot } from '../replica/apply-snapshot.ts';
import { planSnapshot } from '../replica/plan-snapshot.ts';
import { describeVerdict } from '../replica/report-restore.ts';
import { readTree } from '../snapshot/read-tree.ts';
import { EXIT_CODES } from './exit-code.ts';
import { openContext, withInstance } from './opening/open-context.ts';
import type { ImportEnd } from './printing/answers.ts';
import { colour, printHeldRows, printJson, printLine } from './printing/print.ts';

interface Options {
	readonly allowDeletes: boolean;
	readonly dryRun: boolean;
	readonly json: boolean;
}

type ImportOutcome = ApplyOutcome | (Pick<ApplyOutcome, 'plan'> & { readonly outcome: 'planned' });

export function addImportCommand(program: Command): void {
	program
		.command('import')
		.description('make the configured database equal a folder that "export" has written')
		.argument('<directory>', 'a folder written by "replicator-kuma export --format csv"')
		.option('--allow-deletes', 'delete monitors and users that the folder does not have', false)
		.option('--dry-run', 'print what would change, and change nothing', false)
		.option('--json', 'print the result as JSON', false)
		.addHelpText(
			'after',
			`
The database keeps its history and settings. If Kuma is running, restart it afterwards.

Exit codes: 0 done, 3 held because it would delete monitors or all users, 1 failed.

Examples:
  $ DATA_DIR=/app/data replicator-kuma import /backup/kuma --dry-run
  $ replicator-kuma import /backup/kuma --allow-deletes`,
		)
		.action(async (directory: string, options: Options) => {
			const context = openContext({ needsRepository: false });
			const where = resolve(directory);
			const snapshot = await readExport(where);
			const result = await withInstance(context, async (instance): Promise<ImportOutcome> => {
				const opened = await instance.openDatabase();
				if (opened.outcome === 'not-set-up') {
					throw new ReplicatorError(`Kuma's database is not set up yet: ${opened.reason}.`, {
						code: 'database-not-set-up',
						hint: 'Start Uptime Kuma once, so that it makes its database.',
					});
				}
				const request = {
					instance,
					database: opened.database,
					reload: NO_RELOAD,
					snapshot,
					previous: null,
					isFirstApply: true,
					guard: context.config.guard,
					allowsDeletes: options.allowDeletes,
					keepsLocalEntities: false,
				};
				if (options.dryRun) return { outcome: 'planned', plan: (await planSnapshot(request)).plan };
				return applySnapshot(request);
			});
			print(result, options);
			if (result.outcome === 'held') process.exitCode = EXIT_CODES.needsDecision;
		});
}

async function readExport(directory: string): Promise<Snapshot> {
	try {
		return await readTree({ directory, where: directory });
	} catch (error) {
		if (!isReplicatorError(error, 'snapshot-corrupt')) throw error;
		throw new ReplicatorError(error.message, {
			code: error.code,
			hint: 'Export it again, or bring the folder back as it was written. Nothing was changed.',
			cause: error.cause,
		});
	}
}

function print(result: ImportOutcome, options: Options): void {
	const { plan, outcome } = result;
	const { added, changed, removed } = summarisePlan(plan);
	const changes = plan.isEmpty ? 0 : Math.max(1, added + changed + removed + plan.settings.length);
	if (options.json) {
		printJson<ImportEnd>({
			outcome,
			changes,
			...summarisePlan(plan),
			details: describePlan(plan, CATALOG),
			heldRows: plan.heldRows,
		});
		return;
	}
	if (result.outcome === 'held')
		printLine(colour('yellow', `Nothing was imported. ${describeVerdict(result.verdict)}`));
	else {
		const verb = outcome === 'planned' ? 'Would make' : 'Made';
		printLine(`${verb} ${changes} changes: ${added} rows added, ${changed} changed, ${removed} removed.`);
	}
	if (options.dryRun || result.outcome === 'held') {
		for (const line of describePlan(plan, CATALOG)) printLine(`  ${line}`);
	}
	printHeldRows(plan.heldRows);
}
