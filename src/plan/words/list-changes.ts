import type { RowChange } from '../../model/plan.ts';
import type { Row } from '../../model/row.ts';
import { columnIndexes, type FinalRow, finalValue, keyOf, type TableDraft, titleOf } from '../draft.ts';
import { changedColumns } from '../values/compare-row.ts';
import { keyText } from '../values/same-value.ts';

/** Lists what happens to each row as a person sees it: without the detours that the order of statements needs. */
export function listChanges(drafts: ReadonlyMap<string, TableDraft>): RowChange[] {
	return [...drafts.values()]
		.filter(({ isReplicated }) => isReplicated)
		.flatMap((draft) => changesOf(draft, drafts));
}

function changesOf(draft: TableDraft, drafts: ReadonlyMap<string, TableDraft>): RowChange[] {
	const table = draft.table.name;
	const changes: RowChange[] = [];
	for (const [text, row] of draft.currentRows) {
		if (draft.finals.has(text)) continue;
		const title = fullTitle(draft, drafts, row);
		changes.push({ table, key: keyOf(draft.schema, row), title, kind: 'removed', columns: [] });
	}
	for (const row of draft.finals.values()) {
		const title = fullTitle(draft, drafts, row);
		if (row.current === null) {
			const kind = row.isReplacement ? 'replaced' : 'added';
			changes.push({ table, key: row.key, title, kind, columns: [] });
			continue;
		}
		const { current } = row;
		const columns = changedColumns(draft, row, current).map((index) => ({
			column: draft.schema.columns[index]?.name ?? '',
			before: current[index] ?? null,
			after: finalValue(row, index) ?? null,
		}));
		if (columns.length > 0) changes.push({ table, key: row.key, title, kind: 'changed', columns });
	}
	return changes;
}

/** A link has no name of its own: it is called after what it joins. */
function fullTitle(draft: TableDraft, drafts: ReadonlyMap<string, TableDraft>, row: Row | FinalRow): string {
	if (draft.table.titleColumn !== undefined) return titleOf(draft, row);
	const ends = draft.schema.references.flatMap((reference) => {
		const to = drafts.get(reference.toTable);
		if (to === undefined) return [];
		const values = columnIndexes(draft.schema, reference.columns).map((index) =>
			'keyText' in row ? finalValue(row, index) : row[index],
		);
		const text = keyText(values.map((value) => value ?? null));
		const end = to.finals.get(text) ?? to.currentRows.get(text);
		return end === undefined ? text : `${to.table.noun} "${titleOf(to, end)}"`;
	});
	return ends.length === 0 ? titleOf(draft, row) : ends.join(', ');
}
