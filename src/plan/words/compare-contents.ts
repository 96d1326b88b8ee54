import type { CatalogTable } from '../../model/catalog-table.ts';
import type { Plan } from '../../model/plan.ts';
import type { TableSchema } from '../../model/row.ts';
import type { SnapshotContent } from '../../model/snapshot.ts';
import { makePlan } from '../make-plan.ts';

/** A snapshot's content with the hashes of its files. */
export interface ComparedContent {
	readonly content: SnapshotContent;
	/** SHA-256 of each file, by path. */
	readonly fileHashes: ReadonlyMap<string, string>;
}

/** @returns what changed from one snapshot to another, as the plan that would carry it out. */
export function compareContents(request: {
	readonly catalog: readonly CatalogTable[];
	readonly from: ComparedContent;
	readonly to: ComparedContent;
}): Plan {
	const { catalog, from, to } = request;
	const tables = from.content.tables.map((table): [string, TableSchema] => [
		table.name,
		{ name: table.name, columns: table.columns, primaryKey: table.key, uniqueKeys: [], references: [] },
	]);
	const plan = makePlan({
		catalog,
		target: to,
		current: {
			schema: { kind: from.content.databaseKind, tables: new Map(tables) },
			tables: from.content.tables,
			settings: new Map(),
			files: from.fileHashes,
		},
		previous: { keys: new Map(), filePaths: [...from.fileHashes.keys()] },
		keepsLocalEntities: false,
		pausesPushMonitors: false,
		monitorTypes: null,
	});
	const { steps, files } = plan;
	// A snapshot has no settings: what the plan would set beside its rows is no difference between two of them.
	return {
		...plan,
		settings: [],
		isEmpty: steps.length === 0 && files.writes.length === 0 && files.deletes.length === 0,
	};
}
