import type { CatalogTable } from '../model/catalog-table.ts';
import type { DatabaseReader } from '../model/database.ts';
import type { UnreadableFile } from '../model/instance.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import type { DatabaseKind, DatabaseSchema, TableRows } from '../model/row.ts';
import type { SnapshotContent, SnapshotFile } from '../model/snapshot.ts';
import { filesShownBy, type ShownFile } from './uploaded-files.ts';

/**
 * Kuma's own mark of the time in which it sums up the heartbeats of a version 1. Its port answers meanwhile, and a
 * Kuma that is stopped then never starts again.
 */
const AGGREGATION = 'migrateAggregateTableState';

/** Where uploaded files are read from; a file that is not there is null. */
export type ReadUpload = (path: string) => Promise<Uint8Array | UnreadableFile | null>;

/** An image of status pages that is not in a snapshot, because it cannot be read. */
export type MissingImage = Pick<ShownFile, 'path' | 'pages'> & UnreadableFile;

/** The catalog's rows as a database holds them, and what of its settings matters beside them. */
export interface TakenTables {
	readonly kind: DatabaseKind;
	readonly schema: DatabaseSchema;
	/** With all columns, the volatile ones too. */
	readonly tables: readonly TableRows[];
	/** Kuma's settings, name → JSON text. */
	readonly settings: ReadonlyMap<string, string | null>;
}

/**
 * Reads everything of the catalog that this Kuma has, within the reader's one consistent state.
 * @throws ReplicatorError `database-not-migrated` when Kuma has not made its tables yet.
 */
export async function takeTables(
	reader: DatabaseReader,
	catalog: readonly CatalogTable[],
): Promise<TakenTables> {
	const schema = await reader.schema();
	if (!schema.tables.has('monitor') || !schema.tables.has('setting')) {
		throw new ReplicatorError('The database has none of the tables of Uptime Kuma yet.', {
			code: 'database-not-migrated',
			hint: 'Start Uptime Kuma once and let it finish; it makes its tables by itself.',
			isRetryable: true,
		});
	}
	await refuseUnfinishedMigration(reader, schema);
	const tables: TableRows[] = [];
	const settings = await takeSettings(reader, schema);
	if (settings.get(AGGREGATION) === '"migrating"') throw stillMigrating();
	for (const { name } of catalog) {
		const found = schema.tables.get(name);
		if (found === undefined) continue;
		const key = found.primaryKey;
		const rows = await reader.rows({ table: name, columns: found.columns, orderBy: key });
		tables.push({ name, columns: found.columns, key, rows });
	}
	return { kind: schema.kind, schema, tables, settings };
}

/** While Kuma migrates, its tables are neither the old ones nor the new ones; knex marks that time with a lock. */
async function refuseUnfinishedMigration(reader: DatabaseReader, schema: DatabaseSchema): Promise<void> {
	const lock = schema.tables.get('knex_migrations_lock');
	const columns = lock?.columns.filter(({ name }) => name === 'is_locked') ?? [];
	if (columns.length === 0) return;
	const rows = await reader.rows({ table: 'knex_migrations_lock', columns, orderBy: ['is_locked'] });
	if (rows.some(([isLocked]) => Number(isLocked) === 1)) throw stillMigrating();
}

function stillMigrating(): ReplicatorError {
	return new ReplicatorError('Uptime Kuma is migrating its database.', {
		code: 'database-not-migrated',
		hint: 'Wait until Uptime Kuma has finished. If it was stopped half-way, restore its database from a backup.',
		isRetryable: true,
	});
}

async function takeSettings(
	reader: DatabaseReader,
	schema: DatabaseSchema,
): Promise<Map<string, string | null>> {
	const columns = (schema.tables.get('setting')?.columns ?? []).filter(
		({ name }) => name === 'key' || name === 'value',
	);
	const rows = await reader.rows({ table: 'setting', columns, orderBy: ['key'] });
	const keyIndex = columns.findIndex(({ name }) => name === 'key');
	const valueIndex = 1 - keyIndex;
	return new Map(
		rows.map((row) => [String(row[keyIndex]), row[valueIndex] === null ? null : String(row[valueIndex])]),
	);
}

/** Reduces what was taken to a snapshot's content: without the volatile columns, with the files that pages show. */
export async function toContent(request: {
	readonly taken: TakenTables;
	readonly catalog: readonly CatalogTable[];
	readonly timezone: string;
	readonly readUpload: ReadUpload;
	/** Called for each image that cannot be read: the snapshot is without it. */
	readonly onUnreadable?: (image: MissingImage) => void;
}): Promise<SnapshotContent> {
	const { taken, catalog } = request;
	const tables = taken.tables.map((table) =>
		withoutColumns(table, catalog.find(({ name }) => name === table.name)?.volatileColumns ?? []),
	);
	const files: SnapshotFile[] = [];
	for (const { path, pages, isPlain } of filesShownBy(taken.tables, catalog)) {
		const content = isPlain ? await request.readUpload(path) : { reason: 'is not the plain path of a file' };
		// A page may name a file that is gone; Kuma shows a broken image then, here and on every replica.
		if (content === null) continue;
		if (content instanceof Uint8Array) files.push({ path, content });
		else request.onUnreadable?.({ path, pages, reason: content.reason });
	}
	return { databaseKind: taken.kind, timezone: request.timezone, tables, files };
}

function withoutColumns(table: TableRows, names: readonly string[]): TableRows {
	if (!table.columns.some(({ name }) => names.includes(name))) return table;
	const kept = table.columns.flatMap(({ name }, index) => (names.includes(name) ? [] : [index]));
	const pick = <Item>(items: readonly Item[]) => kept.map((index) => items[index] as Item);
	return { ...table, columns: pick(table.columns), rows: table.rows.map(pick) };
}
