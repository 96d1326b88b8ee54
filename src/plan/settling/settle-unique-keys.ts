import type { UniqueKey, Value } from '../../model/row.ts';
import {
	columnIndex,
	type FinalRow,
	finalValue,
	type HeldRows,
	keepRow,
	type TableDraft,
	titleOf,
} from '../draft.ts';
import { keyText } from '../values/same-value.ts';

/**
 * Sets rows aside that this database would take for one and the same: MariaDB's unique keys ignore case, so that two
 * status pages `About` and `about` fit into SQLite only. The one with the smaller key stays, on every replica that had
 * neither.
 */
export function settleUniqueKeys(draft: TableDraft, held: HeldRows): void {
	for (const unique of draft.schema.uniqueKeys) {
		// Which rows one that covers a part of them covers, only the database can tell.
		if (unique.isPartial === true) continue;
		const taken = new Map<string, FinalRow>();
		for (const row of [...draft.finals.values()].sort(keptFirst)) {
			if (row.isRetiring === true) continue;
			const text = uniqueText(draft, unique, row);
			if (text === null) continue;
			const other = taken.get(text);
			if (other === undefined) {
				taken.set(text, row);
				continue;
			}
			leaveOut({ draft, unique, row, taken });
			const reason = `its ${unique.columns.join(', ')} is that of ${draft.table.noun} ${other.keyText} to this database`;
			held.add({
				table: draft.table.name,
				key: row.keyText,
				title: titleOf(draft, row),
				how: 'held',
				reason,
			});
		}
	}
}

/** What is there under the same key stays as it is, unless that, too, is in the way. */
function leaveOut(request: {
	readonly draft: TableDraft;
	readonly unique: UniqueKey;
	readonly row: FinalRow;
	readonly taken: Map<string, FinalRow>;
}): void {
	const { draft, unique, row, taken } = request;
	draft.finals.delete(row.keyText);
	if (row.current === null) return;
	const kept = keepRow(draft.schema, row.current);
	const text = uniqueText(draft, unique, kept);
	if (text !== null && taken.has(text)) return;
	if (text !== null) taken.set(text, kept);
	draft.finals.set(row.keyText, kept);
}

/** @returns the values of a unique key as the database compares them, or null when one of them is NULL. */
export function uniqueText(draft: TableDraft, unique: UniqueKey, row: FinalRow): string | null {
	const values = unique.columns.map((name) => finalValue(row, columnIndex(draft.schema, name)) ?? null);
	if (values.some((value) => value === null)) return null;
	return foldUnique(values, unique);
}

/** @returns values as a unique key compares them: MariaDB's ignore case, accents and spaces at the end. */
export function foldUnique(values: readonly Value[], unique: UniqueKey): string {
	const text = values.map(String).join('\0');
	if (!unique.ignoresCase) return text;
	return text
		.normalize('NFD')
		.replace(/\p{M}/gu, '')
		.toLowerCase()
		.replace(/(?<! ) +$/, '');
}

/** What stays as it is here cannot make room for anything, and must not go for it. */
function keptFirst(left: FinalRow, right: FinalRow): number {
	const [a, b] = [left.wanted === null, right.wanted === null];
	return a === b ? byKey(left, right) : a ? -1 : 1;
}

function byKey(left: FinalRow, right: FinalRow): number {
	const [a, b] = [left.key[0], right.key[0]];
	if (typeof a === 'number' && typeof b === 'number') return a - b;
	return keyText(left.key) < keyText(right.key) ? -1 : 1;
}
