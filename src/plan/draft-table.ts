import type { CatalogTable } from '../model/catalog-table.ts';
import type { Refusal } from '../model/refusal.ts';
import type { Column, Row, TableRows, TableSchema, Value } from '../model/row.ts';
import type { HeldRow } from '../model/state.ts';
import {
	columnIndex,
	type FinalRow,
	type HeldRows,
	keepRow,
	keyOf,
	type SharedColumn,
	type TableDraft,
	titleOf,
} from './draft.ts';
import { NO_OBSTACLES, type PlanInput } from './plan-input.ts';
import { changedColumns } from './values/compare-row.ts';
import { fitBetween, Unfit } from './values/fit-value.ts';
import { keyText } from './values/same-value.ts';
import { toDateTime } from './values/temporal.ts';

/** A column of the snapshot that this database's Kuma does not have. */
interface MissingColumn {
	readonly from: number;
	readonly name: string;
	readonly fallback: Value;
	readonly isAdditive: boolean;
}

/**
 * Decides for every row of one table what it will be: as the snapshot has it, as the replica has it (local
 * entities), set aside or paused. Looks at the table alone; what rows of other tables do to it comes later.
 */
export function draftTable(request: {
	readonly input: PlanInput;
	readonly table: CatalogTable;
	readonly schema: TableSchema;
	readonly held: HeldRows;
}): TableDraft {
	const { input, table, schema, held } = request;
	const target = input.target.content.tables.find(({ name }) => name === table.name);
	const currentRows = indexRows(
		schema,
		input.current.tables.find(({ name }) => name === table.name)?.rows ?? [],
	);
	const finals = new Map<string, FinalRow>();
	if (target === undefined) {
		for (const [text, row] of currentRows) finals.set(text, keepRow(schema, row));
		return { table, schema, currentRows, shared: [], finals, isReplicated: false };
	}
	const columns = pairColumns(request, target);
	const draft: TableDraft = {
		table,
		schema,
		currentRows,
		shared: columns.shared,
		finals,
		isReplicated: true,
	};
	const drafting = { ...request, draft, target, obstacles: obstaclesOf(input, table.name), ...columns };
	for (const row of target.rows) draftRow(drafting, row);
	if (columns.unsuppliable.length > 0) holdNewRows(draft, held, columns.unsuppliable);
	keepWhatCannotGo(drafting);
	retire(draft, table.name === 'monitor' ? input.retiring : undefined);
	return draft;
}

/** What is in the way of the rows of one table. */
interface TableObstacles {
	/** By what was refused and the key: `update 7`. */
	readonly refusals: ReadonlyMap<string, Refusal>;
	/** Key → the table outside of the catalog that refers to the row. */
	readonly pinned: ReadonlyMap<string, string>;
}

function obstaclesOf({ obstacles = NO_OBSTACLES }: PlanInput, name: string): TableObstacles {
	const own = obstacles.refused.rows.filter(({ table }) => table === name);
	return {
		refusals: new Map(own.map((refusal) => [`${refusal.verb} ${refusal.key}`, refusal])),
		pinned: obstacles.pinned.get(name) ?? new Map(),
	};
}

/** @returns why the row that is there under a key must stay, or null. */
function whyItStays({ refusals, pinned }: TableObstacles, text: string): string | null {
	const refusal = refusals.get(`delete ${text}`) ?? refusals.get(`update ${text}`);
	if (refusal !== undefined) return `the database refuses to remove it: ${refusal.reason}`;
	const by = pinned.get(text);
	return by === undefined ? null : `it cannot be removed: a row of ${by} refers to it`;
}

/** A row that the leader does not have, but that the database does not let go. */
function keepWhatCannotGo({ draft, schema, table, held, obstacles }: Drafting): void {
	for (const [text, row] of draft.currentRows) {
		const reason = draft.finals.has(text) ? null : whyItStays(obstacles, text);
		if (reason === null) continue;
		draft.finals.set(text, keepRow(schema, row, { isPinned: true }));
		held.add({ table: table.name, key: text, title: titleOf(draft, row), how: 'held', reason });
	}
}

/** What goes later stays as it is until then, but does not run. */
function retire(draft: TableDraft, retiring: ReadonlySet<string> | undefined): void {
	const active = columnIndex(draft.schema, draft.table.activeColumn);
	for (const text of retiring ?? []) {
		const row = draft.currentRows.get(text);
		const final = draft.finals.get(text);
		if (row === undefined || (final !== undefined && !final.isReplacement)) continue;
		const kept = keepRow(draft.schema, row, { isRetiring: true });
		if (active >= 0) kept.values[active] = 0;
		draft.finals.set(text, kept);
	}
}

interface Drafting {
	readonly input: PlanInput;
	readonly table: CatalogTable;
	readonly schema: TableSchema;
	readonly held: HeldRows;
	readonly draft: TableDraft;
	readonly target: TableRows;
	readonly obstacles: TableObstacles;
	readonly shared: readonly SharedColumn[];
	readonly missing: readonly MissingColumn[];
}

function draftRow(drafting: Drafting, wanted: Row): void {
	const { schema, draft, input, table, held } = drafting;
	const key = drafting.target.key.map(
		(name) => wanted[drafting.target.columns.findIndex((c) => c.name === name)] ?? null,
	);
	const text = keyText(key);
	const found = draft.currentRows.get(text) ?? null;
	const isStranger = found !== null && isOther(drafting, { wanted, found });
	const current = isStranger ? null : found;
	if (current !== null && keepsOwn(input, table, text)) {
		draft.finals.set(text, keepRow(schema, current));
		return;
	}
	const report = (how: HeldRow['how'], reason: string) =>
		held.add({ table: table.name, key: text, title: wantedTitle(drafting, wanted) ?? text, how, reason });
	const stays = found !== null && isStranger ? whyItStays(drafting.obstacles, text) : null;
	if (found !== null && stays !== null) {
		report('held', `another row with its key is here, and ${stays}`);
		draft.finals.set(text, keepRow(schema, found, { isPinned: true }));
		return;
	}
	const verdict = fitRow(drafting, wanted);
	if (verdict.obstacles.length > 0) {
		report('held', verdict.obstacles.join('; '));
		if (current !== null) draft.finals.set(text, keepRow(schema, current));
		return;
	}
	for (const reason of verdict.losses) report('partial', reason);
	const active = columnIndex(schema, table.activeColumn);
	if (verdict.pauses.length > 0) {
		report('paused', verdict.pauses.join('; '));
		verdict.values[active] = 0;
	}
	const final = {
		key,
		keyText: text,
		values: verdict.values,
		wanted,
		current,
		isReplacement: isStranger,
	};
	if (!holdRefused(drafting, final, report)) draft.finals.set(text, final);
}

/** @returns whether the database refuses the row, which then is as it was, or missing. */
function holdRefused(
	{ draft, schema, obstacles }: Drafting,
	final: FinalRow,
	report: (how: 'held', reason: string) => void,
): boolean {
	const { current, keyText: text } = final;
	if (current === null) {
		const refusal = obstacles.refusals.get(`insert ${text}`);
		if (refusal !== undefined) report('held', `the database refuses to add it: ${refusal.reason}`);
		return refusal !== undefined;
	}
	const refusal = obstacles.refusals.get(`update ${text}`);
	if (refusal === undefined) return false;
	const { isUntouchable } = refusal;
	// What follows from other rows is not known yet, so that a row may change after all which looks the same here.
	if (!isUntouchable && changedColumns(draft, final, current).length === 0) return false;
	report('held', `the database refuses to change it: ${refusal.reason}`);
	draft.finals.set(text, keepRow(schema, current, { isPinned: isUntouchable }));
	return true;
}

interface Verdict {
	readonly values: (Value | undefined)[];
	/** Why the row cannot be applied. */
	readonly obstacles: readonly string[];
	/** Why the row is applied, but must not run. */
	readonly pauses: readonly string[];
	/** What the row is applied without. */
	readonly losses: readonly string[];
}

function fitRow(drafting: Drafting, wanted: Row): Verdict {
	const { schema, table, input } = drafting;
	const values = new Array<Value | undefined>(schema.columns.length).fill(undefined);
	const obstacles: string[] = [];
	const pauses: string[] = [];
	const losses: string[] = [];
	for (const column of drafting.shared) {
		const fitted = column.fit(wanted[column.from] ?? null);
		if (fitted instanceof Unfit) obstacles.push(`${column.name} ${fitted.reason}`);
		else values[column.to] = fitted;
	}
	const canPause = columnIndex(schema, table.activeColumn) >= 0;
	const type = canPause ? values[columnIndex(schema, 'type')] : undefined;
	for (const column of drafting.missing) {
		if (!isUsed({ table, column, type, value: wanted[column.from] ?? null })) continue;
		const reason = `this Kuma has no ${column.name}`;
		if (column.isAdditive) losses.push(reason);
		else (canPause ? pauses : obstacles).push(reason);
	}
	if (typeof type === 'string' && input.monitorTypes !== null && !input.monitorTypes.has(type)) {
		pauses.push(`this Kuma does not know the monitor type ${type}`);
	}
	return { values, obstacles, pauses, losses };
}

/** Whether a value in a column that this Kuma lacks makes the leader do something that it would not do without. */
function isUsed(cell: {
	readonly table: CatalogTable;
	readonly column: MissingColumn;
	readonly type: Value | undefined;
	readonly value: Value;
}): boolean {
	const { table, column, type, value } = cell;
	// Kuma's form saves an empty text where the database's own default is NULL.
	if (value === null || String(value) === String(column.fallback ?? '')) return false;
	const types = table.columnsOfTypes?.[column.name];
	return types === undefined || typeof type !== 'string' || types.includes(type);
}

/** Whether the row that is there is another thing than the wanted one, which only has the same key. */
function isOther(drafting: Drafting, rows: { readonly wanted: Row; readonly found: Row }): boolean {
	const { schema, table, target } = drafting;
	const to = columnIndex(schema, table.birthColumn);
	const from = target.columns.findIndex(({ name }) => name === table.birthColumn);
	if (to < 0 || from < 0) return false;
	return birthOf(rows.wanted[from]) !== birthOf(rows.found[to]);
}

function birthOf(value: Value | undefined): string {
	if (value === null || value === undefined || value instanceof Uint8Array) return '';
	return toDateTime(value) ?? String(value);
}

/**
 * Whether a row that is there stays as the replica has it. A table without a date of birth tells a recreated row
 * by its id, which the last applied snapshot did not have.
 */
function keepsOwn(input: PlanInput, table: CatalogTable, text: string): boolean {
	if (!input.keepsLocalEntities || table.isLocalEntity !== true) return false;
	if (table.birthColumn !== undefined || input.previous === null) return true;
	return input.previous.keys.get(table.name)?.has(text) ?? false;
}

function wantedTitle(drafting: Drafting, wanted: Row): string | undefined {
	const index = drafting.target.columns.findIndex(({ name }) => name === drafting.table.titleColumn);
	const title = wanted[index];
	return title === undefined || title === null || String(title) === '' ? undefined : String(title);
}

function indexRows(schema: TableSchema, rows: readonly Row[]): Map<string, Row> {
	return new Map(rows.map((row) => [keyText(keyOf(schema, row)), row]));
}

function pairColumns(
	request: { readonly input: PlanInput; readonly table: CatalogTable; readonly schema: TableSchema },
	target: TableRows,
): { shared: SharedColumn[]; missing: MissingColumn[]; unsuppliable: string[] } {
	const { input, table, schema } = request;
	const shared: SharedColumn[] = [];
	const missing: MissingColumn[] = [];
	const source = (column: Column) => ({ kind: input.target.content.databaseKind, column });
	const here = (column: Column) => ({ kind: input.current.schema.kind, column });
	for (const [from, column] of target.columns.entries()) {
		const { name } = column;
		// What the database computes here needs no value.
		if (table.volatileColumns?.includes(name) || schema.generatedColumns?.includes(name)) continue;
		const to = columnIndex(schema, name);
		const own = schema.columns[to];
		if (own === undefined) {
			const isAdditive = table.additiveColumns?.includes(name) ?? false;
			missing.push({ from, name, fallback: column.defaultValue ?? null, isAdditive });
			continue;
		}
		const fit = fitBetween(source(column), here(own));
		const fitBack = fitBetween(here(own), source(column));
		shared.push({ from, to, name, fit, fitBack, isDerived: table.derivedColumns?.includes(name) ?? false });
	}
	const unsuppliable = schema.columns
		.filter((column) => !shared.some(({ name }) => name === column.name))
		.filter(
			(column) =>
				!column.isNullable && column.defaultValue === undefined && !hasComputedDefault(schema, column),
		)
		.map(({ name }) => name);
	return { shared, missing, unsuppliable };
}

/** Where only columns are known, as of a snapshot, dates are the ones that have an expression as default in Kuma. */
function hasComputedDefault({ computedDefaults }: TableSchema, { name, declared }: Column): boolean {
	return computedDefaults?.includes(name) ?? /^(?:datetime|timestamp|date|time)/i.test(declared);
}

function holdNewRows(draft: TableDraft, held: HeldRows, unsuppliable: readonly string[]): void {
	for (const final of [...draft.finals.values()]) {
		if (final.current !== null) continue;
		const reason = `this Kuma wants ${unsuppliable.join(', ')}, which the leader's does not have`;
		const title = titleOf(draft, final);
		held.add({ table: draft.table.name, key: final.keyText, title, how: 'held', reason });
		draft.finals.delete(final.keyText);
	}
}
