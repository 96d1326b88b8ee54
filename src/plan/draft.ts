import type { CatalogTable } from '../model/catalog-table.ts';
import type { Key, Row, TableSchema, Value } from '../model/row.ts';
import type { HeldRow } from '../model/state.ts';
import type { Fit } from './fit-value.ts';
import { keyText } from './same-value.ts';

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
	readonly #rows: HeldRow[] = [];

	add(row: HeldRow): void {
		const known = this.#rows.findIndex(({ table, key }) => table === row.table && key === row.key);
		const other = this.#rows[known];
		if (other === undefined) this.#rows.push(row);
		// One entry a row: the stronger verdict, and both reasons.
		else
			this.#rows[known] = {
				...other,
				how: strongest(other.how, row.how),
				reason: `${other.reason}; ${row.reason}`,
			};
	}

	list(): readonly HeldRow[] {
		return this.#rows;
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
export function keepRow(schema: TableSchema, current: Row): FinalRow {
	const values = new Array<Value | undefined>(schema.columns.length).fill(undefined);
	const key = keyOf(schema, current);
	return { key, keyText: keyText(key), values, wanted: null, current, isReplacement: false };
}
