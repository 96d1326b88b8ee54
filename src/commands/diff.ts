import type { Command } from 'commander';
import { CATALOG } from '../catalog/index.ts';
import { openRepository } from '../daemon/open-repository.ts';
import { joinFleet } from '../instance/open-instance.ts';
import { takeSnapshot } from '../instance/snapshots/take-snapshot.ts';
import { prepareStateDirectory } from '../instance/state-folder/data-directory.ts';
import { describeGeneration } from '../lineage/describe-generation.ts';
import type { LineageSnapshot, Repository } from '../model/lineage.ts';
import type { Plan } from '../model/plan.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import { roleOf } from '../model/role.ts';
import { compareContents } from '../plan/words/compare-contents.ts';
import { describeChange } from '../plan/words/describe-plan.ts';
import { showChanges } from '../plan/words/shown-changes.ts';
import { NO_RELOAD } from '../reload/no-reload.ts';
import { chooseSnapshot, previewRestore } from '../replica/restore-cycle.ts';
import { type Context, openContext } from './opening/open-context.ts';
import { openReader } from './opening/open-reader.ts';
import type { Difference } from './printing/answers.ts';
import { HistoryReader, toCompared } from './printing/history-reader.ts';
import { printHeldRows, printJson, printLine } from './printing/print.ts';

export function addDiffCommand(program: Command): void {
	program
		.command('diff')
		.description('show in words what would change, or what changed between two snapshots; secrets are masked')
		.argument('[snapshot]', 'a snapshot; the newest when absent')
		.argument('[other]', 'a second snapshot: show what changed from the first to it')
		.option('--json', 'print the changes as JSON', false)
		.addHelpText(
			'after',
			`
Without a second snapshot the database is compared: on a replica, what a restore would change in it; on a leader with
no snapshot named, what its next snapshot would change.

Exit codes: 0 compared, whether there are differences or not, 1 failed.

Examples:
  $ replicator-kuma diff
  $ replicator-kuma diff 4f3a9c21
  $ replicator-kuma diff 4f3a9c21 latest`,
		)
		.action(async (first: string | undefined, second: string | undefined, { json }: { json: boolean }) => {
			const context = openContext({ needsRepository: true });
			const { title, plan } = await compare(context, first, second);
			const changes = showChanges(plan, CATALOG);
			if (json) {
				printJson<Difference>({ title, changes, heldRows: plan.heldRows });
				return;
			}
			printLine(title);
			for (const change of changes) printLine(`  ${describeChange(change)}`);
			if (changes.length === 0) printLine('  No differences.');
			printHeldRows(plan.heldRows);
		});
}

interface Comparison {
	readonly title: string;
	readonly plan: Plan;
}

async function compare(context: Context, first?: string, second?: string): Promise<Comparison> {
	const paths = await prepareStateDirectory(context.config.dataDirectory);
	const repository = openRepository({ ...context, paths });
	if (second !== undefined) return compareSnapshots(repository, first ?? 'latest', second);
	if (first === undefined && roleOf(context.config.mode) === 'leader')
		return compareUnpublished(context, repository);
	const instance = joinFleet(await openReader(context), {
		repository,
		reload: NO_RELOAD,
	});
	const preview = await previewRestore({
		instance,
		guard: 'off',
		allowsDeletes: false,
		isForced: true,
		...(first === undefined ? {} : { snapshotId: first }),
	});
	if (preview.outcome !== 'planned') throw nothingToCompare(preview.outcome);
	return {
		title: `What applying ${nameOf(preview.target)} would change in this database:`,
		plan: preview.plan,
	};
}

async function compareSnapshots(repository: Repository, first: string, second: string): Promise<Comparison> {
	const published = await repository.list();
	const [from, to] = [chooseSnapshot(published, first), chooseSnapshot(published, second)];
	if (from === null || to === null) throw nothingToCompare('nothing-published');
	const history = new HistoryReader(repository);
	const plan = compareContents({
		catalog: CATALOG,
		from: toCompared(await history.read(from)),
		to: toCompared(await history.read(to)),
	});
	return { title: `What changed from ${nameOf(from)} to ${nameOf(to)}:`, plan };
}

async function compareUnpublished(context: Context, repository: Repository): Promise<Comparison> {
	const instance = await openReader(context);
	const head = chooseSnapshot(await repository.list(), undefined);
	const opened = await instance.openDatabase();
	if (opened.outcome === 'not-set-up') throw nothingToCompare(opened.outcome);
	if (head === null) throw nothingToCompare('nothing-published');
	const { content, encoded } = await takeSnapshot(instance, opened.database);
	const plan = compareContents({
		catalog: CATALOG,
		from: toCompared(await new HistoryReader(repository).read(head)),
		to: { content, fileHashes: new Map(encoded.files.map(({ path, sha256 }) => [path, sha256])) },
	});
	return { title: `What the next snapshot would change against ${nameOf(head)}:`, plan };
}

function nameOf({ id, digest, generation }: LineageSnapshot): string {
	return `snapshot ${(id ?? digest).slice(0, 8)} (${describeGeneration(generation)})`;
}

function nothingToCompare(outcome: 'not-set-up' | 'nothing-published'): ReplicatorError {
	return outcome === 'not-set-up'
		? new ReplicatorError("Kuma's database is not set up yet.", {
				code: 'database-not-set-up',
				hint: "Choose a database in Kuma's wizard first, or check DATA_DIR.",
			})
		: new ReplicatorError('The repository has no snapshot of this fleet yet.', {
				code: 'snapshot-not-found',
				hint: 'A leader publishes the first one with "replicator-kuma backup".',
			});
}
