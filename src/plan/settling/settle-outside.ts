import type { Key, Reference } from '../../model/row.ts';
import {
	columnIndex,
	columnIndexes,
	finalValue,
	HeldRows,
	keepRow,
	type TableDraft,
	titleOf,
} from '../draft.ts';
import { draftTable } from '../draft-table.ts';
import type { PlanInput } from '../plan-input.ts';
import { valuesOf } from '../values/reference-values.ts';
import { tupleText } from '../values/same-value.ts';
import { findUnlinkable } from './settle-references.ts';

/** Rows of a table outside of the catalog that replicated rows would refer to. */
export interface OutsideRows {
	readonly table: string;
	readonly columns: readonly string[];
	readonly keys: readonly Key[];
}

/** @returns the name of a row outside of the catalog, by what a foreign key has of it. */
export function outsideText(row: {
	readonly table: string;
	readonly columns: readonly string[];
	readonly key: Key;
}): string {
	return tupleText([row.table, row.columns.length, ...row.columns, ...row.key]);
}

/**
 * Finds out which rows of tables outside of the catalog a snapshot refers to, as this database would hold the
 * references: a newer Kuma's `monitor.user_id` is the id of an account that is not replicated.
 */
export function findOutsideRows(input: PlanInput): OutsideRows[] {
	const found: OutsideRows[] = [];
	for (const table of input.catalog) {
		const schema = input.current.schema.tables.get(table.name);
		const references = schema === undefined ? [] : outsideReferences(input, schema.references);
		if (schema === undefined || references.length === 0) continue;
		const draft = draftTable({ input, table, schema, held: new HeldRows() });
		for (const { columns, toTable, toColumns } of references) {
			const keys = new Map<string, Key>();
			for (const row of draft.finals.values()) {
				const key =
					row.wanted === null
						? null
						: valuesOf(columns, (name) => finalValue(row, columnIndex(schema, name)));
				if (key !== null) keys.set(tupleText(key), key);
			}
			if (keys.size > 0) found.push({ table: toTable, columns: toColumns, keys: [...keys.values()] });
		}
	}
	return found;
}

/**
 * A wanted row that refers to a row outside of the catalog which is not here does without it where it can, and is set
 * aside where it cannot. What the replica keeps as it has it is no business of the snapshot's.
 * @returns whether there is one.
 */
export function settleOutside(request: {
	readonly input: PlanInput;
	readonly draft: TableDraft;
	readonly held: HeldRows;
}): boolean {
	const { input, draft, held } = request;
	const { obstacles } = input;
	if (obstacles === undefined || !draft.isReplicated) return false;
	let isSome = false;
	for (const reference of outsideReferences(input, draft.schema.references)) {
		if (columnIndexes(draft.schema, reference.columns).includes(-1)) continue;
		const unlinkable = findUnlinkable(draft, reference);
		for (const row of [...draft.finals.values()]) {
			if (row.wanted === null) continue;
			const key = valuesOf(reference.columns, (name) => finalValue(row, columnIndex(draft.schema, name)));
			if (key === null) continue;
			const name = outsideText({ table: reference.toTable, columns: reference.toColumns, key });
			if (obstacles.outside.has(name)) continue;
			isSome = true;
			if (unlinkable !== null) row.values[unlinkable] = null;
			else {
				draft.finals.delete(row.keyText);
				if (row.current !== null) draft.finals.set(row.keyText, keepRow(draft.schema, row.current));
			}
			held.add({
				table: draft.table.name,
				key: row.keyText,
				title: titleOf(draft, row),
				how: unlinkable === null ? 'held' : 'partial',
				reason: `its ${reference.columns.join(', ')} refers to a row of ${reference.toTable} that is not here`,
			});
		}
	}
	return isSome;
}

function outsideReferences(input: PlanInput, references: readonly Reference[]): Reference[] {
	return references.filter(({ toTable }) => !input.catalog.some(({ name }) => name === toTable));
}
