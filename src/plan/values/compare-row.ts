import type { Row, Value } from '../../model/row.ts';
import type { FinalRow, SharedColumn, TableDraft } from '../draft.ts';
import { Unfit } from './fit-value.ts';
import { isSameValue } from './same-value.ts';

/** @returns the positions, among the database's columns, in which a row that is there must change. */
export function changedColumns(draft: TableDraft, row: FinalRow, current: Row): number[] {
	const changed: number[] = [];
	const filledIn: number[] = [];
	const shared = new Map(draft.shared.map((column) => [column.to, column]));
	for (const [index, value] of row.values.entries()) {
		if (value === undefined) continue;
		const found = current[index] ?? null;
		if (isSameValue(value, found)) continue;
		const column = shared.get(index);
		const original = column === undefined ? undefined : row.wanted?.[column.from];
		if (column !== undefined && original !== undefined) {
			if (column.isDerived && isEmpty(original)) {
				filledIn.push(index);
				continue;
			}
			if (agrees({ column, original, found, value })) continue;
		}
		changed.push(index);
	}
	// What Kuma filled in follows from the rest of the row: when that changes, it must be filled in anew.
	return changed.length === 0 ? [] : [...changed, ...filledIn].sort((a, b) => a - b);
}

function isEmpty(value: Value): boolean {
	return value === null || value === '';
}

/**
 * Whether two different values agree all the same: what is here would look like the leader's in the leader's own
 * column (`02:00` is `02:00:00` there).
 */
function agrees(pair: { column: SharedColumn; original: Value; found: Value; value: Value }): boolean {
	const { column, original, found, value } = pair;
	const back = column.fitBack(found);
	if (back instanceof Unfit || !isSameValue(back, original)) return false;
	// A value that the plan itself has set (a pause, a missing reference) is not the leader's; it must be written.
	return isSameValue(fitted(column, original), value);
}

function fitted(column: SharedColumn, original: Value): Value {
	const value = column.fit(original);
	return value instanceof Unfit ? null : value;
}
