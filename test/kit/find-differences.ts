import { CATALOG } from '../../src/catalog/index.ts';
import type { CatalogTable } from '../../src/model/catalog-table.ts';
import type { Column, TableRows, Value } from '../../src/model/row.ts';
import type { HeldRow } from '../../src/model/state.ts';
import { takeTables } from '../../src/snapshot/take.ts';
import { openKumaDatabase } from './open-kuma-database.ts';

/**
 * Compares what the databases of two Kumas hold, value by value and without the product's own comparison.
 * @param heldRows what the replica says of itself: a difference that it names is none.
 * @param isExpected a difference that is meant to be there.
 * @returns the differences, as `table/key column: leader ≠ replica`; none when nothing was lost.
 */
export async function findDifferences(pair: {
	readonly leader: string;
	readonly replica: string;
	readonly heldRows: readonly HeldRow[];
	readonly isExpected?: (place: { readonly table: string; readonly column: string }) => boolean;
}): Promise<string[]> {
	const [leader, replica] = await Promise.all([readTables(pair.leader), readTables(pair.replica)]);
	return CATALOG.flatMap((entry) => {
		const wanted = leader.get(entry.name);
		if (wanted === undefined) return [];
		return compareTable({ entry, wanted, found: replica.get(entry.name), ...pair });
	});
}

async function readTables(dataDirectory: string): Promise<Map<string, TableRows>> {
	const database = await openKumaDatabase(dataDirectory);
	try {
		const { tables } = await database.read((reader) => takeTables(reader, CATALOG));
		return new Map(tables.map((table) => [table.name, table]));
	} finally {
		await database.close();
	}
}

interface TablePair {
	readonly entry: CatalogTable;
	readonly wanted: TableRows;
	readonly found: TableRows | undefined;
	readonly heldRows: readonly HeldRow[];
	readonly isExpected?: (place: { readonly table: string; readonly column: string }) => boolean;
}

function compareTable(pair: TablePair): string[] {
	const { entry, wanted, found } = pair;
	const wantedRows = byKey(wanted);
	const foundRows = found === undefined ? new Map<string, Cells>() : byKey(found);
	const surplus = [...foundRows.keys()].filter((key) => !wantedRows.has(key));
	return [
		...surplus.map((key) => `${entry.name}/${key}: only on the replica`),
		...[...wantedRows].flatMap(([key, cells]) => compareRow(pair, { key, cells, other: foundRows.get(key) })),
	];
}

type Cells = ReadonlyMap<string, { readonly column: Column; readonly value: Value }>;

function byKey(table: TableRows): Map<string, Cells> {
	return new Map(
		table.rows.map((row) => {
			const cells: Cells = new Map(
				table.columns.map((column, index) => [column.name, { column, value: row[index] ?? null }]),
			);
			return [table.key.map((name) => String(cells.get(name)?.value)).join(','), cells];
		}),
	);
}

function compareRow(
	{ entry, heldRows, isExpected }: TablePair,
	row: { readonly key: string; readonly cells: Cells; readonly other: Cells | undefined },
): string[] {
	const place = `${entry.name}/${row.key}`;
	const named = heldRows.find(({ table, key }) => table === entry.name && key === row.key);
	if (named?.how === 'held') return [];
	const { other } = row;
	if (other === undefined) return [`${place}: missing on the replica`];
	const isLeftOut = (column: string) =>
		entry.volatileColumns?.includes(column) === true ||
		(named?.how === 'paused' && column === entry.activeColumn) ||
		isExpected?.({ table: entry.name, column }) === true;
	return [...row.cells].flatMap(([name, { column, value }]) => {
		if (isLeftOut(name)) return [];
		const there = other.get(name);
		// What a Kuma without the column cannot keep must be nothing, the default, of no use, or be named.
		if (there === undefined) {
			const isNothing = value === null || value === '' || String(value) === String(column.defaultValue);
			const types = entry.columnsOfTypes?.[name];
			const isUseless = types !== undefined && !types.includes(String(row.cells.get('type')?.value));
			return isNothing || isUseless || named !== undefined
				? []
				: [`${place} ${name}: ${show(value)} is lost, and not named`];
		}
		if (entry.derivedColumns?.includes(name) && (value === null || value === '')) return [];
		const [left, right] = [value, there.value].map((each) => canonical(each, [column, there.column]));
		return left === right ? [] : [`${place} ${name}: ${left} ≠ ${right}`];
	});
}

/** @returns a text that two values share when they are the same in kind and content; an instant has one form. */
function canonical(value: Value | undefined, columns: readonly Column[]): string {
	if (value === null || value === undefined) return 'NULL';
	const types = columns.map(({ declared }) => declared.toLowerCase());
	if (types.some((type) => type.startsWith('datetime'))) return toInstant(value);
	if (types.some((type) => type === 'time')) return String(value).padEnd(8, ':00');
	return show(value);
}

/** SQLite keeps what it is given, and Kuma gives it milliseconds, ISO 8601 and fractions; MariaDB keeps seconds. */
function toInstant(value: Value): string {
	if (typeof value !== 'string') return new Date(Number(value)).toISOString().slice(0, 19).replace('T', ' ');
	return value
		.replace('T', ' ')
		.replace(/\.\d+Z?$|Z$/, '')
		.padEnd(19, ':00');
}

function show(value: Value): string {
	if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
	return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
