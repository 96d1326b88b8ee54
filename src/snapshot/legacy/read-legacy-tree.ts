import { isUtf8 } from 'node:buffer';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CatalogTable } from '../../model/catalog-table.ts';
import { ReplicatorError } from '../../model/replicator-error.ts';
import type { DatabaseKind, DatabaseSchema, TableRows } from '../../model/row.ts';
import { decodeLegacyTable } from './legacy-csv.ts';

/** Its first snapshot has the absolute path in its tree, and so has one after a poll that failed; all others do not. */
const ROOTS = ['', 'replicator_kuma/current'] as const;
const EXPORTS = [
	{ folder: 'sqlite_exports', databaseKind: 'sqlite' },
	{ folder: 'mysql_exports', databaseKind: 'mariadb' },
] as const;
/** It begins with a DELETE for each table that the original looked at, empty ones too. Read as text, never executed. */
const DELETES = 'sql_statements/replicatorkuma_truncates.sql';
const DELETE = /^DELETE FROM `(\w+)`;$/gm;

/** What a snapshot of the original holds of the catalog. */
export interface LegacyTables {
	readonly databaseKind: DatabaseKind;
	/** In catalog order. Without the tables that its version of the original did not export. */
	readonly tables: readonly TableRows[];
}

/**
 * Reads the tree of a snapshot that the original Replicator Kuma (version 2) has made.
 * @param schema this instance's own tables, which tell a text that cannot be NULL.
 * @throws ReplicatorError `snapshot-corrupt` for anything that the original does not write, and for what it writes when
 * it could not read its own database: it exports a table that it could not read as an empty one.
 */
export async function readLegacyTree(request: {
	readonly directory: string;
	readonly where: string;
	readonly catalog: readonly CatalogTable[];
	readonly schema: DatabaseSchema;
}): Promise<LegacyTables> {
	const { directory, where, catalog, schema } = request;
	const { root, folder, databaseKind } = await findExports(directory, where);
	const names = await namesIn(join(root, folder), 'isFile');
	const emptied = await readEmptied(root);
	const tables: TableRows[] = [];
	for (const { name, volatileColumns = [] } of catalog) {
		const own = schema.tables.get(name);
		if (names.includes(`${name}.csv`)) {
			const path = join(folder, `${name}.csv`);
			const bytes = await readFile(join(root, path));
			tables.push(decode(bytes, { name, schema: own, volatileColumns, path, where }));
		} else if (emptied.has(name)) {
			tables.push({ name, columns: [{ name: 'id', declared: '', isNullable: true }], key: ['id'], rows: [] });
		}
	}
	refuseUnread(tables, catalog, where);
	return { databaseKind, tables };
}

async function findExports(
	directory: string,
	where: string,
): Promise<{ root: string; folder: string; databaseKind: DatabaseKind }> {
	const found = [];
	for (const path of ROOTS) {
		const root = join(directory, path);
		const names = await namesIn(root, 'isDirectory');
		found.push(...EXPORTS.filter(({ folder }) => names.includes(folder)).map((each) => ({ root, ...each })));
	}
	const [first, ...others] = found;
	if (first === undefined) throw corrupt(where, 'it has no exported tables');
	if (others.length > 0) throw corrupt(where, 'it has exported tables twice');
	return first;
}

/** @returns the names of the files, or of the folders, in a folder; none where there is no such folder. */
async function namesIn(directory: string, kind: 'isFile' | 'isDirectory'): Promise<string[]> {
	try {
		const entries = await readdir(directory, { withFileTypes: true });
		return entries.filter((entry) => entry[kind]()).map(({ name }) => name);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
		return [];
	}
}

async function readEmptied(root: string): Promise<ReadonlySet<string>> {
	const [folder = '', name = ''] = DELETES.split('/');
	if (!(await namesIn(join(root, folder), 'isFile')).includes(name)) return new Set();
	const text = await readFile(join(root, DELETES), 'utf8');
	return new Set(Array.from(text.matchAll(DELETE), ([, table = '']) => table));
}

function decode(
	bytes: Buffer,
	table: Parameters<typeof decodeLegacyTable>[1] & { readonly path: string; readonly where: string },
): TableRows {
	if (!isUtf8(bytes)) throw corrupt(table.where, `${table.path}: it is not UTF-8`);
	try {
		return decodeLegacyTable(bytes.toString('utf8'), table);
	} catch (cause) {
		if (!(cause instanceof RangeError)) throw cause;
		throw corrupt(table.where, `${table.path}: ${cause.message}`, cause);
	}
}

/** An export that failed half-way must not delete what it lacks. */
function refuseUnread(tables: readonly TableRows[], catalog: readonly CatalogTable[], where: string): void {
	const rowsOf = (name: string) => tables.find((table) => table.name === name)?.rows ?? [];
	if (rowsOf('user').length === 0) {
		throw corrupt(where, 'it has no users, as if Kuma had not been set up, or could not be read');
	}
	for (const { name, rows } of tables) {
		if (rows.length > 0) continue;
		const from = tables.find((table) => refersTo(table, name, catalog));
		if (from === undefined) continue;
		throw corrupt(where, `its table ${name} is empty, but rows of ${from.name} refer to it`);
	}
}

/** Where there is no foreign key, Kuma itself leaves ids behind that lead nowhere. */
function refersTo(table: TableRows, name: string, catalog: readonly CatalogTable[]): boolean {
	const soft = catalog.find((entry) => entry.name === table.name)?.softReferences ?? [];
	const index = table.columns.findIndex(
		(column) =>
			(column.name === `${name}_id` || column.name === name) &&
			!soft.some((reference) => reference.column === column.name),
	);
	return index >= 0 && table.rows.some((row) => row[index] !== null);
}

function corrupt(where: string, reason: string, cause?: unknown): ReplicatorError {
	return new ReplicatorError(
		`The snapshot ${where} of the original Replicator Kuma cannot be used: ${reason}. Nothing of it was applied.`,
		{
			code: 'snapshot-corrupt',
			hint: 'See the log of the original leader. Its next good snapshot is followed by itself.',
			cause,
		},
	);
}
