import type { Command } from 'commander';
import { openRepository } from '../daemon/open-repository.ts';
import { prepareStateDirectory } from '../instance/state-folder/data-directory.ts';
import { findHead } from '../lineage/find-head.ts';
import type { PublishedSnapshot } from '../model/lineage.ts';
import { openContext } from './opening/open-context.ts';
import type { ListedSnapshot } from './printing/answers.ts';
import { borderlessTable } from './printing/borderless-table.ts';
import { HistoryReader } from './printing/history-reader.ts';
import { formatAge, formatTime, printJson, printLine } from './printing/print.ts';

interface Options {
	readonly last: string;
	readonly json: boolean;
}

export function addSnapshotsCommand(program: Command): void {
	program
		.command('snapshots')
		.description('list the snapshots of this fleet, and what each changed')
		.option('--last <count>', 'how many of the newest to list', '10')
		.option('--json', 'print the list as JSON', false)
		.addHelpText(
			'after',
			`
Each snapshot is fetched to say what it changed, so a long list takes a while.

Exit codes: 0 listed, 1 failed.

Examples:
  $ replicator-kuma snapshots
  $ replicator-kuma snapshots --last 3 --json`,
		)
		.action(async ({ last, json }: Options, command: Command) => {
			const count = Number(last);
			if (!Number.isInteger(count) || count < 1)
				command.error(`error: --last takes a whole number from 1, not "${last}"`);
			const context = openContext({ needsRepository: true });
			const paths = await prepareStateDirectory(context.config.dataDirectory);
			const repository = openRepository({ ...context, paths });
			const { published, legacy } = await repository.listWithLegacy();
			const { head } = findHead(published);
			const shown = published.toReversed().slice(0, count);
			const history = new HistoryReader(repository);
			const entries: ListedSnapshot[] = [];
			for (const snapshot of shown) entries.push(await describe(snapshot, { head, published, history }));
			if (json) printJson<readonly ListedSnapshot[]>(entries);
			else if (entries.length === 0) printNone(legacy.length);
			else printTable(entries, published.length);
		});
}

async function describe(
	snapshot: PublishedSnapshot,
	context: {
		readonly head: PublishedSnapshot | null;
		readonly published: readonly PublishedSnapshot[];
		readonly history: HistoryReader;
	},
): Promise<ListedSnapshot> {
	const parent = context.published.find(({ id }) => id === snapshot.parentId) ?? null;
	const { kumaVersion, changes } = await context.history.describe(snapshot, parent);
	return { ...snapshot, isHead: snapshot.id === context.head?.id, kumaVersion, changes };
}

function printNone(legacyCount: number): void {
	printLine('The repository has no snapshot of this fleet yet.');
	if (legacyCount === 0) return;
	printLine(
		`It has ${legacyCount} of the original Replicator Kuma; "replicator-kuma doctor" says what comes next.`,
	);
}

function printTable(entries: readonly ListedSnapshot[], total: number): void {
	const table = borderlessTable(['Snapshot', 'Gen.', 'Published', 'Age', 'Leader', 'Kuma', 'Changes']);
	for (const entry of entries) {
		table.push([
			`${entry.id.slice(0, 8)}${entry.isHead ? ' *' : ''}`,
			String(entry.generation),
			formatTime(entry.time),
			formatAge(Date.now() - Date.parse(entry.time)),
			entry.hostname,
			entry.kumaVersion ?? '?',
			`${entry.changes ?? 'its parent is gone'}${entry.allowsDeletes ? ' (deletes confirmed)' : ''}`,
		]);
	}
	for (const line of table.toString().split('\n')) printLine(line.trimEnd());
	printLine(`${entries.length} of ${total} snapshots; * is the newest of the lineage.`);
}
