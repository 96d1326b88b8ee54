import type { Step } from '../model/plan.ts';
import type { Column, Key, Row, Value } from '../model/row.ts';
import { changedColumns } from './compare-row.ts';
import { columnIndex, type FinalRow, finalValue, keyOf, type TableDraft } from './draft.ts';
import type { Swept } from './find-swept.ts';
import { keyText } from './same-value.ts';
import { foldUnique, uniqueText } from './settle-unique-keys.ts';

/**
 * Puts everything that must happen into an order in which no statement of it breaks a foreign key or a unique key:
 * first what stands in the way of a delete is unlinked, then rows are deleted (tables in reverse order), then, table by
 * table, unique values that change hands are set aside, rows are inserted and rows are updated.
 */
export function orderSteps(drafts: readonly TableDraft[], swept: ReadonlyMap<string, Swept>): Step[] {
	const replicated = drafts.filter((draft) => sweptOf(draft, swept) !== undefined);
	return [
		...replicated.flatMap((draft) => unlinkSteps(draft, swept)),
		...replicated.toReversed().flatMap((draft) => deleteSteps(draft, swept)),
		...replicated.flatMap((draft) => [
			...setAsideSteps(draft, swept),
			...insertSteps(draft, swept),
			...updateSteps(draft, swept),
		]),
	];
}

function sweptOf(draft: TableDraft, swept: ReadonlyMap<string, Swept>): Swept | undefined {
	return swept.get(draft.table.name);
}

function columnsAt(draft: TableDraft, indexes: readonly number[]): Column[] {
	return indexes.flatMap((index) => draft.schema.columns[index] ?? []);
}

function updateStep(draft: TableDraft, row: Row, indexes: readonly number[], values: Row): Step {
	return {
		kind: 'update',
		table: draft.table.name,
		keyColumns: draft.schema.primaryKey,
		key: keyOf(draft.schema, row),
		columns: columnsAt(draft, indexes),
		values,
	};
}

function unlinkSteps(draft: TableDraft, swept: ReadonlyMap<string, Swept>): Step[] {
	const steps: Step[] = [];
	for (const [text, columns] of sweptOf(draft, swept)?.unlinked ?? []) {
		const row = draft.currentRows.get(text);
		const inTheWay = columns.filter(({ isInTheWay }) => isInTheWay).map(({ index }) => index);
		if (row === undefined || inTheWay.length === 0) continue;
		steps.push(
			updateStep(
				draft,
				row,
				inTheWay,
				inTheWay.map(() => null),
			),
		);
	}
	return steps;
}

function deleteSteps(draft: TableDraft, swept: ReadonlyMap<string, Swept>): Step[] {
	const { deleted = new Set<string>(), takenAlong = new Set<string>() } = sweptOf(draft, swept) ?? {};
	const keys: Key[] = [];
	for (const text of deleted) {
		const row = draft.currentRows.get(text);
		if (row !== undefined && !takenAlong.has(text)) keys.push(keyOf(draft.schema, row));
	}
	if (keys.length === 0) return [];
	return [{ kind: 'delete', table: draft.table.name, keyColumns: draft.schema.primaryKey, keys }];
}

/** Rows that stay: there now, not deleted, and wanted. */
function* stayingRows(draft: TableDraft, swept: ReadonlyMap<string, Swept>): Generator<[FinalRow, Row]> {
	const deleted = sweptOf(draft, swept)?.deleted;
	for (const [text, row] of draft.currentRows) {
		const final = draft.finals.get(text);
		if (final !== undefined && !final.isReplacement && deleted?.has(text) !== true) yield [final, row];
	}
}

/** A unique value that another row will have is given up first, or two rows could never swap theirs. */
function setAsideSteps(draft: TableDraft, swept: ReadonlyMap<string, Swept>): Step[] {
	const steps: Step[] = [];
	for (const unique of draft.schema.uniqueKeys) {
		const owners = new Map<string, string>();
		for (const row of draft.finals.values()) {
			const text = uniqueText(draft, unique, row);
			if (text !== null) owners.set(text, row.keyText);
		}
		const indexes = unique.columns.map((name) => columnIndex(draft.schema, name));
		for (const [final, row] of stayingRows(draft, swept)) {
			const values = indexes.map((index) => row[index] ?? null);
			if (values.includes(null)) continue;
			const owner = owners.get(foldUnique(values, unique));
			if (owner === undefined || owner === final.keyText) continue;
			const aside = indexes.map((index) =>
				placeholder(draft.schema.columns[index], row[index] ?? null, final.keyText),
			);
			steps.push(updateStep(draft, row, indexes, aside));
		}
	}
	return steps;
}

/** Seen by nobody: the transaction that sets it replaces it. */
function placeholder(column: Column | undefined, value: Value, text: string): Value {
	if (column?.isNullable === true) return null;
	return typeof value === 'string' ? `replicator-kuma-${text}` : value;
}

function insertSteps(draft: TableDraft, swept: ReadonlyMap<string, Swept>): Step[] {
	const deleted = sweptOf(draft, swept)?.deleted ?? new Set();
	const rows = [...draft.finals.values()].filter(
		(row) => row.current === null || row.isReplacement || deleted.has(row.keyText),
	);
	const { ordered, postponed } = parentsFirst(draft, rows);
	const steps: { readonly indexes: readonly number[]; readonly rows: Row[] }[] = [];
	for (const row of ordered) {
		const values = newValues(draft, row, postponed.get(row) ?? []);
		const last = steps.at(-1);
		if (last !== undefined && isOfShape(values, last.indexes)) last.rows.push(pick(values, last.indexes));
		else {
			const indexes = [...values.keys()].filter((index) => values[index] !== undefined);
			steps.push({ indexes, rows: [pick(values, indexes)] });
		}
	}
	return [
		...steps.map(
			(step): Step => ({
				kind: 'insert',
				table: draft.table.name,
				columns: columnsAt(draft, step.indexes),
				rows: step.rows,
			}),
		),
		...[...postponed].map(([row, indexes]): Step => {
			const values = indexes.map((index) => finalValue(row, index) ?? null);
			return {
				kind: 'update',
				table: draft.table.name,
				keyColumns: draft.schema.primaryKey,
				key: row.key,
				columns: columnsAt(draft, indexes),
				values,
			};
		}),
	];
}

/** @returns what a row is inserted with; undefined is left to the database's default. */
function newValues(
	draft: TableDraft,
	row: FinalRow,
	postponed: readonly number[],
): readonly (Value | undefined)[] {
	// Nearly always nothing is to be added, and a copy of every row would be a second copy of the table.
	if (postponed.length === 0 && !row.values.includes(undefined)) return row.values;
	return draft.schema.columns.map((_column, index) =>
		postponed.includes(index) ? null : finalValue(row, index),
	);
}

/** Whether a row gives a value for exactly these columns. */
function isOfShape(values: readonly (Value | undefined)[], indexes: readonly number[]): boolean {
	let given = 0;
	for (const [index, value] of values.entries()) {
		if (value === undefined) continue;
		if (indexes[given] !== index) return false;
		given += 1;
	}
	return given === indexes.length;
}

function pick(values: readonly (Value | undefined)[], indexes: readonly number[]): Row {
	if (indexes.length === values.length) return values as Row;
	return indexes.map((index) => values[index] ?? null);
}

/** A row that refers to another new row of its own table comes after it; a circle is closed by an update. */
function parentsFirst(
	draft: TableDraft,
	rows: readonly FinalRow[],
): { ordered: FinalRow[]; postponed: Map<FinalRow, number[]> } {
	const own = draft.schema.references.filter(({ toTable }) => toTable === draft.table.name);
	if (own.length === 0) return { ordered: [...rows], postponed: new Map() };
	const indexes = own.map(({ column }) => columnIndex(draft.schema, column));
	const pending = new Map(rows.map((row) => [row.keyText, row]));
	const ordered: FinalRow[] = [];
	const postponed = new Map<FinalRow, number[]>();
	const isWaiting = (row: FinalRow, index: number) => {
		const value = finalValue(row, index);
		return value !== null && value !== undefined && pending.has(keyText([value]));
	};
	while (pending.size > 0) {
		const ready = [...pending.values()].filter((row) => !indexes.some((index) => isWaiting(row, index)));
		const [first] = pending.values();
		if (ready.length === 0 && first !== undefined) {
			postponed.set(
				first,
				indexes.filter((index) => isWaiting(first, index)),
			);
			ready.push(first);
		}
		for (const row of ready) {
			ordered.push(row);
			pending.delete(row.keyText);
		}
	}
	return { ordered, postponed };
}

function updateSteps(draft: TableDraft, swept: ReadonlyMap<string, Swept>): Step[] {
	const steps: Step[] = [];
	const unlinked = sweptOf(draft, swept)?.unlinked;
	for (const [final, row] of stayingRows(draft, swept)) {
		const relinked = (unlinked?.get(final.keyText) ?? [])
			.map(({ index }) => index)
			.filter((index) => (finalValue(final, index) ?? null) !== null);
		const indexes = [...new Set([...changedColumns(draft, final, row), ...relinked])].sort((a, b) => a - b);
		if (indexes.length === 0) continue;
		steps.push(
			updateStep(
				draft,
				row,
				indexes,
				indexes.map((index) => finalValue(final, index) ?? null),
			),
		);
	}
	return steps;
}
