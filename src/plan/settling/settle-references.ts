import type { Reference } from '../../model/row.ts';
import type { HeldRow } from '../../model/state.ts';
import {
	columnIndex,
	columnIndexes,
	type FinalRow,
	finalValue,
	type HeldRows,
	keepRow,
	type TableDraft,
	titleOf,
} from '../draft.ts';
import { isKeyOf, rowsByValues, valuesOf } from '../values/reference-values.ts';
import { keyText, tupleText } from '../values/same-value.ts';

/**
 * Makes sure that every row refers only to rows that will be there. A link to a row that is missing or held goes
 * with it; a monitor whose group is missing stands alone; one whose proxy, Docker host or remote browser is missing
 * would check something else without it, and is paused. What refers to a row that goes for such a reason goes, too,
 * in whichever table it is.
 */
export function settleReferences(drafts: ReadonlyMap<string, TableDraft>, held: HeldRows): void {
	const ties = [...drafts.values()].flatMap((draft) =>
		draft.schema.references.flatMap((reference) => {
			const to = drafts.get(reference.toTable);
			const isWritable = !columnIndexes(draft.schema, reference.columns).includes(-1);
			return to === undefined || !isWritable ? [] : [{ draft, reference, to, held }];
		}),
	);
	// Every round but the last takes something away or pins something, and neither is ever undone.
	for (let isSettled = false; !isSettled; ) isSettled = ties.filter(settleTie).length === 0;
}

interface Tie {
	readonly draft: TableDraft;
	readonly reference: Reference;
	readonly to: TableDraft;
	readonly held: HeldRows;
}

/** @returns whether anything had to change. */
function settleTie(tie: Tie): boolean {
	const { draft, reference, to } = tie;
	const find = finderOf(to, reference.toColumns);
	let hasChanged = false;
	for (const row of [...draft.finals.values()]) {
		const values = valuesOf(reference.columns, (name) => finalValue(row, columnIndex(draft.schema, name)));
		if (values === null) continue;
		const found = find(values);
		const isThere = found !== undefined && (found.isRetiring !== true || row.wanted === null);
		if (row.isPinned === true ? found?.isReplacement === false : isThere) continue;
		if (row.isPinned === true) hasChanged = pin(tie, row, keyText(values)) || hasChanged;
		else {
			settle(tie, row, keyText(values));
			hasChanged = true;
		}
	}
	return hasChanged;
}

function finderOf(
	to: TableDraft,
	columns: readonly string[],
): (values: readonly (string | number | bigint | Uint8Array)[]) => FinalRow | undefined {
	if (isKeyOf(to.schema, columns)) return (values) => to.finals.get(keyText(values));
	const rows = rowsByValues(to, columns);
	return (values) => rows.get(tupleText(values));
}

/** The row cannot be touched, so what it refers to must stay as it is, too. @returns whether that is news. */
function pin({ draft, reference, to, held }: Tie, row: FinalRow, key: string): boolean {
	const indexes = columnIndexes(to.schema, reference.toColumns);
	const parent = [...to.currentRows].find(
		([, current]) => keyText(indexes.map((index) => current[index] ?? null)) === key,
	);
	if (parent === undefined || to.finals.get(parent[0])?.isPinned === true) return false;
	to.finals.set(parent[0], keepRow(to.schema, parent[1], { isPinned: true }));
	const reason = `${draft.table.noun} ${row.keyText} refers to it, which the database does not let go`;
	const title = titleOf(to, parent[1]);
	held.add({ table: to.table.name, key: parent[0], title, how: 'held', reason });
	return true;
}

function settle({ draft, reference, to, held }: Tie, row: FinalRow, key: string): void {
	const missing = `its ${to.table.noun} ${key} is not there`;
	const report = (how: HeldRow['how']) => {
		// A replica's own row that loses what it refers to is an ordinary consequence, not a row set aside.
		if (row.wanted === null) return;
		held.add({ table: draft.table.name, key: row.keyText, title: titleOf(draft, row), how, reason: missing });
	};
	const active = columnIndex(draft.schema, draft.table.activeColumn);
	const index = findUnlinkable(draft, reference);
	if (index === null || reference.onDelete === 'cascade') {
		draft.finals.delete(row.keyText);
		// What is there stays as it was, if what that refers to stays.
		if (row.wanted !== null && row.current !== null)
			draft.finals.set(row.keyText, keepRow(draft.schema, row.current));
		report('held');
	} else if (reference.onDelete === 'restrict' && active >= 0) {
		row.values[index] = null;
		row.values[active] = 0;
		report('paused');
	} else {
		row.values[index] = null;
		report('partial');
	}
}

/**
 * @returns the position of a column that may be NULL, which ends the reference; the one that no other reference needs,
 * where there is one. Null when none may.
 */
export function findUnlinkable({ schema }: TableDraft, reference: Reference): number | null {
	const candidates = reference.columns.filter((name) => {
		const column = schema.columns[columnIndex(schema, name)];
		return column?.isNullable === true && !schema.primaryKey.includes(name);
	});
	const isShared = (name: string) =>
		schema.references.some((other) => other !== reference && other.columns.includes(name));
	const name = candidates.findLast((candidate) => !isShared(candidate)) ?? candidates.at(-1);
	return name === undefined ? null : columnIndex(schema, name);
}
