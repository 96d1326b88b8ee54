import type { Key } from './row.ts';

interface RowChange<Column> {
	readonly table: string;
	readonly key: Key;
	readonly kind: string;
	readonly columns: readonly Column[];
}

/**
 * @param nameOf names a column.
 * @returns each row once for each kind of change, with the columns of all: what was not taken up yet stays to be taken up.
 * A row stays as different as it once was: what was replaced, and is then changed, is another one still.
 */
export function mergeRowChanges<Column, Change extends RowChange<Column>>(
	changes: readonly Change[],
	nameOf: (column: Column) => string,
): Change[] {
	const merged = new Map<string, Change>();
	for (const change of changes) {
		const name = JSON.stringify([change.table, change.key.map(String), change.kind]);
		const columns = [...(merged.get(name)?.columns ?? []), ...change.columns];
		const unique = new Map(columns.map((column) => [nameOf(column), column]));
		merged.set(name, { ...change, columns: [...unique.values()] });
	}
	return [...merged.values()];
}
