import type { Reference } from '../model/row.ts';
import { columnIndex, type FinalRow, finalValue, type HeldRows, type TableDraft, titleOf } from './draft.ts';
import { keyText } from './same-value.ts';

/**
 * Makes sure that every row refers only to rows that will be there. A link to a row that is missing or held goes
 * with it; a monitor whose group is missing stands alone; one whose proxy, Docker host or remote browser is missing
 * would check something else without it, and is paused.
 */
export function settleReferences(
	draft: TableDraft,
	drafts: ReadonlyMap<string, TableDraft>,
	held: HeldRows,
): void {
	for (const reference of draft.schema.references) {
		const to = drafts.get(reference.toTable);
		const index = columnIndex(draft.schema, reference.column);
		if (to === undefined || index < 0) continue;
		for (const row of [...draft.finals.values()]) {
			const value = finalValue(row, index);
			if (value === null || value === undefined || to.finals.has(keyText([value]))) continue;
			settle({ draft, row, reference, index, missing: `${to.table.noun} ${keyText([value])}`, held });
		}
	}
}

function settle(request: {
	readonly draft: TableDraft;
	readonly row: FinalRow;
	readonly reference: Reference;
	readonly index: number;
	readonly missing: string;
	readonly held: HeldRows;
}): void {
	const { draft, row, reference, index, missing, held } = request;
	const report = (how: 'held' | 'paused' | 'partial', reason: string) => {
		// A replica's own row that loses what it refers to is an ordinary consequence, not a row held back.
		if (row.wanted === null) return;
		held.add({ table: draft.table.name, key: row.keyText, title: titleOf(draft, row), how, reason });
	};
	const active = columnIndex(draft.schema, draft.table.activeColumn);
	const isNullable = draft.schema.columns[index]?.isNullable ?? false;
	if (isNullable && reference.onDelete === 'set-null') {
		row.values[index] = null;
		report('partial', `its ${missing} is not there`);
	} else if (isNullable && reference.onDelete === 'restrict' && active >= 0) {
		row.values[index] = null;
		row.values[active] = 0;
		report('paused', `its ${missing} is not there`);
	} else {
		draft.finals.delete(row.keyText);
		report('held', `its ${missing} is not there`);
	}
}
