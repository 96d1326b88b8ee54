import type { CatalogTable } from '../model/catalog-table.ts';
import type { HistoryTable, Plan, RowChange, Step } from '../model/plan.ts';
import type { DatabaseSchema, TableSchema } from '../model/row.ts';

const MONITOR = 'monitor';
/** How Kuma calls it in every table, with a foreign key on it or without one. */
const MONITOR_ID = 'monitor_id';

/** @returns the tables that hold history of monitors: every one outside of the catalog that names a monitor. */
export function findHistory(schema: DatabaseSchema, catalog: readonly CatalogTable[]): Plan['history'] {
	const outside = [...schema.tables.values()].filter(
		({ name }) => !catalog.some((entry) => entry.name === name),
	);
	const tables = outside.flatMap(toHistoryTables);
	const isSliceable =
		schema.tables.get(MONITOR)?.hasTriggers !== true &&
		tables.every(({ table }) => isUnopposed(schema, table, new Set()));
	return { tables, isSliceable };
}

function toHistoryTables({ name, columns, references }: TableSchema): HistoryTable[] {
	const ties = references.filter(
		({ toTable, toColumns }) => toTable === MONITOR && toColumns.join() === 'id' && toColumns.length === 1,
	);
	if (ties.length > 0) {
		return ties
			.filter(({ onDelete }) => onDelete === 'cascade')
			.map((tie) => ({ table: name, column: tie.columns[0] ?? '', isCascaded: true }));
	}
	const isTied = references.some(({ columns: tied }) => tied.includes(MONITOR_ID));
	const hasColumn = columns.some((column) => column.name === MONITOR_ID);
	return hasColumn && !isTied ? [{ table: name, column: MONITOR_ID, isCascaded: false }] : [];
}

/** Whether nothing can stop rows of a table from going, and nothing runs when they do. */
function isUnopposed(schema: DatabaseSchema, name: string, seen: Set<string>): boolean {
	if (seen.has(name)) return true;
	seen.add(name);
	if (schema.tables.get(name)?.hasTriggers === true) return false;
	return [...schema.tables.values()].every((other) =>
		other.references
			.filter(({ toTable }) => toTable === name)
			.every(({ onDelete }) => onDelete === 'cascade' && isUnopposed(schema, other.name, seen)),
	);
}

/**
 * What a monitor leaves in tables without a foreign key, another monitor with its id must not inherit. Whoever had the id
 * of an added one may be gone for long: what it has left is deleted behind the transaction that removes it, once, and may
 * be there still.
 */
export function forgetSteps({ tables }: Plan['history'], changes: readonly RowChange[]): Step[] {
	const keysOf = (wanted: RowChange['kind']) =>
		changes.flatMap(({ table, kind, key }) => (table === MONITOR && kind === wanted ? [key] : []));
	const takeovers = [
		{ monitor: 'replaced', keys: keysOf('replaced') },
		{ monitor: 'added', keys: keysOf('added') },
	] as const;
	return takeovers
		.filter(({ keys }) => keys.length > 0)
		.flatMap(({ monitor, keys }) =>
			tables
				.filter(({ isCascaded }) => !isCascaded)
				.map(({ table, column }): Step => ({ kind: 'forget', monitor, table, keyColumns: [column], keys })),
		);
}
