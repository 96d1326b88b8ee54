import type { Row, TableRows, Value } from '../model/row.ts';
import { keyText } from './values/same-value.ts';

/** @returns the row that one of the tables has under a key, as column → value, or null. */
export function findRow(
	tables: readonly TableRows[],
	{ table: name, key }: { readonly table: string; readonly key: string },
): Readonly<Record<string, Value>> | null {
	const table = tables.find((each) => each.name === name);
	if (table === undefined) return null;
	const keyOf = keyReader(table);
	const row = table.rows.find((each) => keyOf(each) === key);
	if (row === undefined) return null;
	return Object.fromEntries(table.columns.map((column, index) => [column.name, row[index] ?? null]));
}

/** @returns the keys of every table, as text. */
export function keysOf(tables: readonly TableRows[]): Map<string, Set<string>> {
	return new Map(tables.map((table) => [table.name, new Set(table.rows.map(keyReader(table)))]));
}

function keyReader({ key, columns }: TableRows): (row: Row) => string {
	const indexes = key.map((name) => columns.findIndex((column) => column.name === name));
	return (row) => keyText(indexes.map((index) => row[index] ?? null));
}
