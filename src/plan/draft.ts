import type { CatalogTable } from '../model/catalog-table.ts';
import type { Key, Row, TableSchema, Value } from '../model/row.ts';
import type { HeldRow } from '../model/state.ts';
import type { Fit } from './values/fit-value.ts';
import { keyText, tupleText } from './values/same-value.ts';

/** A column that both sides have, and how values go over from one to the other. */
export interface SharedColumn {
	/** Position among the columns of the target's rows. */
	readonly from: number;
	/** Position among the columns of the database's table. */
	readonly to: number;
	readonly name: string;
	readonly fit: Fit;
	readonly fitBack: Fit;
	readonly isDerived: boolean;
}

/**
 * A row as it will be. `values` stand beside the database's columns; undefined is a column that the snapshot does
 * not have: it stays as it is, or takes the database's default in a new row.
 */
export interface FinalRow {
	readonly key: Key;
	readonly keyText: string;
	values: (Value | undefined)[];
	/** The snapshot's row, for the comparison of values that differ in form only; null for a row that is kept. */
	readonly wanted: Row | null;
	/** The row that is there and is the same thing; null for a new one. */
	readonly current: Row | null;
	/** There is another row with this key, which must go first. */
	readonly isReplacement: boolean;
	/** Neither this row nor what it refers to may be touched: the database refuses it. */
	readonly isPinned?: boolean;
	/** It goes later; until then nothing that is wanted may refer to it. */
	readonly isRetiring?: boolean;
}

/** One table of the catalog on its way from what is to what will be. */
export interface TableDraft {
	readonly table: CatalogTable;
	readonly schema: TableSchema;
	readonly currentRows: ReadonlyMap<string, Row>;
	readonly shared: readonly SharedColumn[];
	/** All rows that will be there, by key. */
	readonly finals: Map<string, FinalRow>;
	/** Whether the snapshot speaks of this table at all; if not, its rows are left alone. */
	readonly isReplicated: boolean;
}

/** Collects what could not be applied as it is. */
export class HeldRows {
	readonly #rows = new Map<string, HeldRow>();

	add(row: HeldRow): void {
		const name = tupleText([row.table, row.key]);
		const other = this.#rows.get(name);
		// One entry a row: the stronger verdict, and both reasons.
		this.#rows.set(
			name,
			other === undefined
				? row
				: { ...other, how: strongest(other.how, row.how), reason: `${other.reason}; ${row.reason}` },
		);
	}

	/** @returns them in the order of `tables`, and of their finding within a table. */
	list(tables: readonly string[]): readonly HeldRow[] {
		return [...this.#rows.values()].sort((a, b) => tables.indexOf(a.table) - tables.indexOf(b.table));
	}
}

const STRENGTH = { partial: 0, paused: 1, held: 2 } as const;

function strongest(left: HeldRow['how'], right: HeldRow['how']): HeldRow['how'] {
	return STRENGTH[left] >= STRENGTH[right] ? left : right;
}

export function columnIndex(schema: TableSchema, name: string | undefined): number {
	return name === undefined ? -1 : schema.columns.findIndex((column) => column.name === name);
}

/** @returns the value that a column of a row will have, or undefined where the database's default decides. */
export function finalValue(row: FinalRow, index: number): Value | undefined {
	const given = row.values[index];
	return given === undefined ? row.current?.[index] : given;
}

/** @returns what a person calls the row. */
export function titleOf(draft: TableDraft, row: Row | FinalRow): string {
	const index = columnIndex(draft.schema, draft.table.titleColumn);
	const isFinal = 'keyText' in row;
	const title = index < 0 ? undefined : isFinal ? finalValue(row, index) : row[index];
	if (title !== undefined && title !== null && !(title instanceof Uint8Array) && String(title) !== '') {
		return String(title);
	}
	return isFinal ? row.keyText : keyText(keyOf(draft.schema, row));
}

export function keyOf(schema: TableSchema, row: Row): Key {
	return schema.primaryKey.map((name) => row[columnIndex(schema, name)] ?? null);
}

/** @returns a row that stays as the replica has it. */
export function keepRow(
	schema: TableSchema,
	current: Row,
	how: Pick<FinalRow, 'isPinned' | 'isRetiring'> = {},
): FinalRow {
	const values = new Array<Value | undefined>(schema.columns.length).fill(undefined);
	const key = keyOf(schema, current);
	return { key, keyText: keyText(key), values, wanted: null, current, isReplacement: false, ...how };
}

/** @returns where the columns of that name stand in a table's rows; -1 for one that nobody can write. */
export function columnIndexes(schema: TableSchema, names: readonly string[]): number[] {
	return names.map((name) => columnIndex(schema, name));
}
