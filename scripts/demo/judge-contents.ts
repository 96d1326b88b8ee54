import { isDeepStrictEqual } from 'node:util';
import type { CatalogTable } from '../../src/model/catalog-table.ts';
import type { Row, TableRows } from '../../src/model/row.ts';
import type { SnapshotContent } from '../../src/model/snapshot.ts';

export interface TableVerdict {
	readonly table: string;
	readonly rowCount: number;
	/** What is not as expected: rows by key and columns by name, never values, for those can be secrets. */
	readonly differences: readonly string[];
}

/**
 * Judges what two instances of the same Kuma version hold, value by value with its type, and the uploaded files byte
 * by byte. It shares no code with the plan, whose work it judges.
 */
export function judgeContents(request: {
	readonly catalog: readonly CatalogTable[];
	readonly expected: SnapshotContent;
	readonly found: SnapshotContent;
}): TableVerdict[] {
	const { catalog, expected, found } = request;
	const tables = catalog.flatMap(({ name, derivedColumns = [] }) => {
		const wanted = expected.tables.find((table) => table.name === name);
		const other = found.tables.find((table) => table.name === name);
		if (wanted === undefined && other === undefined) return [];
		const rowCount = other?.rows.length ?? 0;
		if (wanted === undefined || other === undefined)
			return [{ table: name, rowCount, differences: [`${name} is on one of them only`] }];
		return [{ table: name, rowCount, differences: compareTables({ wanted, other, derivedColumns }) }];
	});
	return [...tables, compareFiles(expected, found)];
}

function compareTables(pair: {
	readonly wanted: TableRows;
	readonly other: TableRows;
	readonly derivedColumns: readonly string[];
}): string[] {
	const { wanted, other } = pair;
	if (!isDeepStrictEqual(namesOf(wanted), namesOf(other))) return [`${wanted.name} has other columns`];
	const rest = byKey(other);
	const differences: string[] = [];
	for (const [key, row] of byKey(wanted)) {
		const label = `${wanted.name} ${key}`;
		const match = rest.get(key);
		rest.delete(key);
		if (match === undefined) differences.push(`${label} is missing`);
		else differences.push(...compareRows(pair, row, match).map((column) => `${label}: ${column} differs`));
	}
	return [...differences, ...[...rest.keys()].map((key) => `${wanted.name} ${key} is too much`)];
}

/** @returns the names of the columns in which two rows differ. */
function compareRows(
	{ wanted, derivedColumns }: { readonly wanted: TableRows; readonly derivedColumns: readonly string[] },
	row: Row,
	match: Row,
): string[] {
	return namesOf(wanted).filter((name, index) => {
		// Every Kuma fills these in for itself when they are empty.
		if (derivedColumns.includes(name) && (row[index] === null || row[index] === '')) return false;
		return !isDeepStrictEqual(row[index], match[index]);
	});
}

function compareFiles(expected: SnapshotContent, found: SnapshotContent): TableVerdict {
	const rest = new Map(found.files.map(({ path, content }) => [path, content]));
	const rowCount = rest.size;
	const differences: string[] = [];
	for (const { path, content } of expected.files) {
		const match = rest.get(path);
		rest.delete(path);
		if (match === undefined) differences.push(`${path} is missing`);
		else if (!Buffer.from(content).equals(match)) differences.push(`${path} differs`);
	}
	for (const path of rest.keys()) differences.push(`${path} is too much`);
	return { table: 'uploaded files', rowCount, differences };
}

function byKey(table: TableRows): Map<string, Row> {
	const indexes = table.key.map((name) => namesOf(table).indexOf(name));
	return new Map(table.rows.map((row) => [indexes.map((index) => String(row[index])).join('/'), row]));
}

function namesOf(table: TableRows): string[] {
	return table.columns.map(({ name }) => name);
}
