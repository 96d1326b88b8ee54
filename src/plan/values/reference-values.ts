import type { Row, TableSchema, Value } from '../../model/row.ts';
import { columnIndex, columnIndexes, type FinalRow, finalValue, type TableDraft } from '../draft.ts';
import { tupleText } from './same-value.ts';

type Stored = Exclude<Value, null>;

/** @returns the values of a foreign key, or null when one of them is NULL or unknown: then it refers to nothing. */
export function valuesOf(
	columns: readonly string[],
	read: (column: string) => Value | undefined,
): Stored[] | null {
	const values: Stored[] = [];
	for (const column of columns) {
		const value = read(column);
		if (value === null || value === undefined) return null;
		values.push(value);
	}
	return values;
}

/** Whether these columns, in this order, are a table's primary key. */
export function isKeyOf(schema: TableSchema, columns: readonly string[]): boolean {
	return (
		columns.length === schema.primaryKey.length &&
		columns.every((name, index) => name === schema.primaryKey[index])
	);
}

/** @returns the rows that will be there, by what they have in some columns. */
export function rowsByValues(draft: TableDraft, columns: readonly string[]): ReadonlyMap<string, FinalRow> {
	const rows = new Map<string, FinalRow>();
	for (const row of draft.finals.values()) {
		const values = valuesOf(columns, (name) => finalValue(row, columnIndex(draft.schema, name)));
		if (values !== null) rows.set(tupleText(values), row);
	}
	return rows;
}

/** @returns a text for what a stored row has in some columns, or null when one of them is NULL. */
export function storedText(schema: TableSchema, columns: readonly string[], row: Row): string | null {
	const values = columnIndexes(schema, columns).map((index) => row[index] ?? null);
	return values.includes(null) ? null : tupleText(values);
}
