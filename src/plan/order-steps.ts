import type { Step } from '../model/plan.ts';
import type { Column, Reference, Row, Value } from '../model/row.ts';
import { columnIndex, columnIndexes, type FinalRow, finalValue, keyOf, type TableDraft } from './draft.ts';
import type { Swept } from './find-swept.ts';
import { findUnlinkable } from './settling/settle-references.ts';
import { foldUnique, uniqueText } from './settling/settle-unique-keys.ts';
import { changedColumns } from './values/compare-row.ts';
import { storedText, valuesOf } from './values/reference-values.ts';
import { tupleText } from './values/same-value.ts';

/**
 * Puts everything that must happen into an order in which no statement of it breaks a foreign key or a unique key:
 * first what stands in the way of a delete is unlinked, then rows are deleted (tables in reverse order), then, table by
 * table, unique values that change hands are set aside, rows are inserted and rows are updated. References that go round
 * in a circle are closed after that, and what could not be unlinked goes last.
 */
export function orderSteps(drafts: readonly TableDraft[], swept: ReadonlyMap<string, Swept>): Step[] {
	const ordered = orderTables(drafts);
	const written = ordered.map((draft, position) => {
		const later = new Set(ordered.slice(position + 1).map(({ table }) => table.name));
		return { draft, late: lateColumns(draft, later) };
	});
	return [
		...ordered.flatMap((draft) => unlinkSteps(draft, swept)),
		...ordered.toReversed().flatMap((draft) => deleteSteps(draft, swept, { isLate: false })),
		...written.flatMap(({ draft, late }) => [
			...setAsideSteps(draft, swept),
			...insertSteps(draft, swept, late),
			...updateSteps(draft, swept, (index) => !late.has(index)),
		]),
		...written.flatMap(({ draft, late }) => closingSteps(draft, swept, late)),
		...ordered.toReversed().flatMap((draft) => deleteSteps(draft, swept, { isLate: true })),
	];
}

/** A table comes after those that it refers to; where they refer to each other in a circle, the catalog decides. */
function orderTables(drafts: readonly TableDraft[]): TableDraft[] {
	const ordered: TableDraft[] = [];
	const pending = new Set(drafts);
	while (pending.size > 0) {
		const waitsFor = (draft: TableDraft, isRequired: boolean) =>
			draft.schema.references.some(
				(reference) =>
					reference.toTable !== draft.table.name &&
					[...pending].some(({ table }) => table.name === reference.toTable) &&
					!(isRequired && findUnlinkable(draft, reference) !== null),
			);
		const next =
			[...pending].find((draft) => !waitsFor(draft, false)) ??
			[...pending].find((draft) => !waitsFor(draft, true)) ??
			[...pending][0];
		if (next === undefined) break;
		ordered.push(next);
		pending.delete(next);
	}
	return ordered;
}

/** Columns that can only be filled when the rows of later tables are there. */
function lateColumns(draft: TableDraft, later: ReadonlySet<string>): ReadonlySet<number> {
	const columns = draft.schema.references
		.filter(({ toTable }) => later.has(toTable))
		.map((reference) => findUnlinkable(draft, reference));
	return new Set(columns.filter((index) => index !== null));
}

/** Fills the columns that had to wait, in rows that were inserted and in rows that change. */
function closingSteps(
	draft: TableDraft,
	swept: ReadonlyMap<string, Swept>,
	late: ReadonlySet<number>,
): Step[] {
	if (late.size === 0) return [];
	const inserted = insertedRows(draft, swept).flatMap((row): Step[] => {
		const indexes = [...late].filter((index) => (row.values[index] ?? null) !== null);
		return indexes.length === 0 ? [] : [finalStep(draft, row, indexes)];
	});
	return [...inserted, ...updateSteps(draft, swept, (index) => late.has(index))];
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

function deleteSteps(
	draft: TableDraft,
	swept: ReadonlyMap<string, Swept>,
	{ isLate }: { readonly isLate: boolean },
): Step[] {
	const { deleted = new Set<string>(), takenAlong, late } = sweptOf(draft, swept) ?? {};
	const due: Row[] = [];
	for (const text of deleted) {
		const row = draft.currentRows.get(text);
		const isDue = takenAlong?.has(text) !== true && (late?.has(text) === true) === isLate;
		if (row !== undefined && isDue) due.push(row);
	}
	return childrenFirst(draft, due).map((rows) => ({
		kind: 'delete',
		table: draft.table.name,
		keyColumns: draft.schema.primaryKey,
		keys: rows.map((row) => keyOf(draft.schema, row)),
	}));
}

/** Of a table that refers to itself, parents go in a later statement: they would take their children along, or be stopped. */
function childrenFirst(draft: TableDraft, rows: readonly Row[]): Row[][] {
	const own = draft.schema.references.filter(
		({ toTable, onDelete }) => toTable === draft.table.name && onDelete !== 'set-null',
	);
	const levels: Row[][] = [];
	let pending = [...rows];
	while (pending.length > 0) {
		const parents = own.map((reference) => ({
			reference,
			named: new Set(pending.map((row) => selfReference(draft, reference, row))),
		}));
		const leaves = pending.filter(
			(row) =>
				!parents.some(({ reference, named }) => {
					const text = storedText(draft.schema, reference.toColumns, row);
					return text !== null && named.has(text);
				}),
		);
		// A circle goes at once, as far as the database lets it.
		const level = leaves.length === 0 ? pending : leaves;
		levels.push(level);
		const gone = new Set(level);
		pending = pending.filter((row) => !gone.has(row));
	}
	return levels;
}

/** @returns what a row refers to in its own table, or null where that is itself or nothing. */
function selfReference(draft: TableDraft, reference: Reference, row: Row): string | null {
	const text = storedText(draft.schema, reference.columns, row);
	return text === storedText(draft.schema, reference.toColumns, row) ? null : text;
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
		// An index that covers a part of the rows lets several of the others have one value.
		const owners = new Map<string, Set<string>>();
		for (const row of draft.finals.values()) {
			const text = row.isRetiring === true ? null : uniqueText(draft, unique, row);
			if (text !== null) owners.set(text, (owners.get(text) ?? new Set()).add(row.keyText));
		}
		const indexes = columnIndexes(draft.schema, unique.columns);
		for (const [text, row] of rowsThatStillAre(draft, swept)) {
			const values = indexes.map((index) => row[index] ?? null);
			if (values.includes(null)) continue;
			const wantedBy = owners.get(foldUnique(values, unique));
			if (wantedBy === undefined || wantedBy.has(text)) continue;
			const aside = indexes.map((index) => placeholder(draft, index, { row, text }));
			steps.push(updateStep(draft, row, indexes, aside));
		}
	}
	return steps;
}

/** Rows that are there while others are written: those that stay, and those that go last. */
function* rowsThatStillAre(
	draft: TableDraft,
	swept: ReadonlyMap<string, Swept>,
): Generator<readonly [string, Row]> {
	for (const [final, row] of stayingRows(draft, swept)) yield [final.keyText, row];
	for (const text of sweptOf(draft, swept)?.late ?? []) {
		const row = draft.currentRows.get(text);
		if (row !== undefined) yield [text, row];
	}
}

/** Seen by nobody: the transaction that sets it replaces it, or deletes the row. */
function placeholder(
	draft: TableDraft,
	index: number,
	{ row, text }: { readonly row: Row; readonly text: string },
): Value {
	const column = draft.schema.columns[index];
	const value = row[index] ?? null;
	if (column?.isNullable === true) return null;
	if (typeof value === 'string') {
		const lengthMax = Number(/\((\d+)\)/.exec(column?.declared ?? '')?.[1] ?? Number.POSITIVE_INFINITY);
		return `replicator-kuma-${text}`.slice(-lengthMax);
	}
	if (typeof value !== 'number' && typeof value !== 'bigint') return value;
	const numbers = [...draft.currentRows.values()].map((other) => Number(other[index] ?? 0));
	const wanted = [...draft.finals.values()].map((other) => Number(finalValue(other, index) ?? 0));
	const highest = [...numbers, ...wanted].reduce((a, b) => Math.max(a, b), 0);
	return highest + 1 + [...draft.currentRows.keys()].indexOf(text);
}

function insertedRows(draft: TableDraft, swept: ReadonlyMap<string, Swept>): FinalRow[] {
	const { deleted, late } = sweptOf(draft, swept) ?? {};
	return [...draft.finals.values()].filter(
		(row) =>
			row.current === null ||
			row.isReplacement ||
			(deleted?.has(row.keyText) === true && late?.has(row.keyText) !== true),
	);
}

/** @returns the update that gives a row its final values in some columns. */
function finalStep(draft: TableDraft, row: FinalRow, indexes: readonly number[]): Step {
	const values = indexes.map((index) => finalValue(row, index) ?? null);
	return {
		kind: 'update',
		table: draft.table.name,
		keyColumns: draft.schema.primaryKey,
		key: row.key,
		columns: columnsAt(draft, indexes),
		values,
	};
}

function insertSteps(
	draft: TableDraft,
	swept: ReadonlyMap<string, Swept>,
	late: ReadonlySet<number>,
): Step[] {
	const { ordered, postponed } = parentsFirst(draft, insertedRows(draft, swept));
	const steps: { readonly indexes: readonly number[]; readonly rows: Row[] }[] = [];
	for (const row of ordered) {
		const values = newValues(draft, row, [...(postponed.get(row) ?? []), ...late]);
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
				keyColumns: draft.schema.primaryKey,
				columns: columnsAt(draft, step.indexes),
				rows: step.rows,
			}),
		),
		...[...postponed].map(([row, indexes]) => finalStep(draft, row, indexes)),
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
	const valuesIn = (row: FinalRow, columns: readonly string[]) => {
		const values = valuesOf(columns, (name) => finalValue(row, columnIndex(draft.schema, name)));
		return values === null ? null : tupleText(values);
	};
	const ties = own.map((reference) => ({
		reference,
		parents: new Map(rows.map((row) => [valuesIn(row, reference.toColumns), row])),
	}));
	const pending = new Set(rows);
	const ordered: FinalRow[] = [];
	const postponed = new Map<FinalRow, number[]>();
	const waitingTies = (row: FinalRow) =>
		ties.filter(({ reference, parents }) => {
			const values = valuesIn(row, reference.columns);
			const parent = values === null ? undefined : parents.get(values);
			return parent !== undefined && parent !== row && pending.has(parent);
		});
	while (pending.size > 0) {
		const ready = [...pending].filter((row) => waitingTies(row).length === 0);
		const [first] = pending;
		if (ready.length === 0 && first !== undefined) {
			const indexes = waitingTies(first)
				.map(({ reference }) => findUnlinkable(draft, reference))
				.filter((index) => index !== null);
			if (indexes.length > 0) postponed.set(first, indexes);
			ready.push(first);
		}
		for (const row of ready) {
			ordered.push(row);
			pending.delete(row);
		}
	}
	return { ordered, postponed };
}

function updateSteps(
	draft: TableDraft,
	swept: ReadonlyMap<string, Swept>,
	isMeant: (index: number) => boolean,
): Step[] {
	const steps: Step[] = [];
	const unlinked = sweptOf(draft, swept)?.unlinked;
	for (const [final, row] of stayingRows(draft, swept)) {
		const relinked = (unlinked?.get(final.keyText) ?? [])
			.map(({ index }) => index)
			.filter((index) => (finalValue(final, index) ?? null) !== null);
		const indexes = [...new Set([...changedColumns(draft, final, row), ...relinked])]
			.filter(isMeant)
			.sort((a, b) => a - b);
		if (indexes.length > 0) steps.push(finalStep(draft, final, indexes));
	}
	return steps;
}
