import type { Reference, Row } from '../model/row.ts';
import { columnIndex, type TableDraft } from './draft.ts';
import { storedText } from './values/reference-values.ts';

/** What the deletes of a plan do to one table. */
export interface Swept {
	/** Keys whose rows go: they are not wanted any more, or another row takes their key, or a delete takes them along. */
	readonly deleted: ReadonlySet<string>;
	/** Keys of wanted rows among them that a delete elsewhere takes along and that must be inserted again. */
	readonly takenAlong: ReadonlySet<string>;
	/** Key → columns that a delete elsewhere sets to NULL, or would be stopped by. */
	readonly unlinked: ReadonlyMap<string, readonly UnlinkedColumn[]>;
	/**
	 * Keys among the deleted whose rows can only go at the very end: a row that stays refers to them, in columns that
	 * are never NULL, until it is updated.
	 */
	readonly late: ReadonlySet<string>;
}

export interface UnlinkedColumn {
	readonly index: number;
	/** The database refuses the delete while the row refers to what goes, so the plan must unlink it first. */
	readonly isInTheWay: boolean;
}

interface Sweeping {
	readonly draft: TableDraft;
	readonly deleted: Set<string>;
	readonly takenAlong: Set<string>;
	readonly late: Set<string>;
}

/** Works out what each table loses: its own deletes, and what those of any table that it refers to take along. */
export function findSwept(drafts: readonly TableDraft[]): Map<string, Swept> {
	const sweeping = new Map(drafts.map((draft) => [draft.table.name, beginSweep(draft)]));
	const ties = [...sweeping.values()].flatMap((table) =>
		table.draft.schema.references.flatMap((reference) => {
			const to = sweeping.get(reference.toTable);
			return to === undefined ? [] : [{ table, reference, to }];
		}),
	);
	for (let isKnown = false; !isKnown; ) isKnown = ties.filter(postponeTie).length === 0;
	const cascades = ties.filter(({ reference }) => reference.onDelete === 'cascade');
	for (let isSwept = false; !isSwept; ) isSwept = cascades.filter(sweepTie).length === 0;
	const unlinked = new Map<string, Map<string, UnlinkedColumn[]>>();
	for (const tie of ties) {
		if (tie.reference.onDelete === 'cascade') continue;
		const { name } = tie.table.draft.table;
		const found = unlinked.get(name) ?? new Map<string, UnlinkedColumn[]>();
		unlinked.set(name, found);
		for (const text of keysReferringToGone(tie)) {
			if (!tie.table.deleted.has(text))
				found.set(text, [...(found.get(text) ?? []), ...unlinkedColumns(tie.table.draft, tie.reference)]);
		}
	}
	return new Map(
		[...sweeping].map(([name, { deleted, takenAlong, late }]) => [
			name,
			{ deleted, takenAlong, late, unlinked: unlinked.get(name) ?? new Map() },
		]),
	);
}

function beginSweep(draft: TableDraft): Sweeping {
	const deleted = new Set<string>();
	for (const [text] of draft.currentRows) {
		const final = draft.finals.get(text);
		if (final === undefined || final.isReplacement) deleted.add(text);
	}
	return { draft, deleted, takenAlong: new Set(), late: new Set() };
}

interface Tie {
	readonly table: Sweeping;
	readonly reference: Reference;
	readonly to: Sweeping;
}

/** @returns whether rows that go must wait for rows that stay, or for rows that wait themselves. */
function postponeTie({ table, reference, to }: Tie): boolean {
	const { draft } = table;
	const isInTheWay = reference.onDelete === 'restrict' && unlinkedColumns(draft, reference).length === 0;
	const waiting = new Set<string>();
	for (const [text, row] of draft.currentRows) {
		const holdsOn = isInTheWay ? !table.deleted.has(text) || table.late.has(text) : table.late.has(text);
		const values = holdsOn ? storedText(draft.schema, reference.columns, row) : null;
		if (values !== null) waiting.add(values);
	}
	if (waiting.size === 0) return false;
	let hasChanged = false;
	for (const text of to.deleted) {
		const row = to.draft.currentRows.get(text);
		// Where another row takes the key, the old one cannot wait.
		if (row === undefined || to.late.has(text) || to.draft.finals.has(text)) continue;
		const values = storedText(to.draft.schema, reference.toColumns, row);
		if (values === null || !waiting.has(values)) continue;
		to.late.add(text);
		hasChanged = true;
	}
	return hasChanged;
}

/** @returns whether the deletes of one table take rows of another along that were not known to go. */
function sweepTie(tie: Tie): boolean {
	const { deleted, takenAlong } = tie.table;
	let hasChanged = false;
	for (const text of keysReferringToGone(tie)) {
		if (deleted.has(text)) continue;
		deleted.add(text);
		takenAlong.add(text);
		hasChanged = true;
	}
	return hasChanged;
}

function keysReferringToGone({ table, reference, to }: Tie): string[] {
	if (to.deleted.size === 0) return [];
	const gone = new Set<string>();
	for (const text of to.deleted) {
		const row = to.late.has(text) ? undefined : to.draft.currentRows.get(text);
		const values = row === undefined ? null : storedText(to.draft.schema, reference.toColumns, row);
		if (values !== null) gone.add(values);
	}
	const refers = (row: Row) => {
		const values = storedText(table.draft.schema, reference.columns, row);
		return values !== null && gone.has(values);
	};
	return [...table.draft.currentRows].flatMap(([text, row]) => (refers(row) ? [text] : []));
}

function unlinkedColumns(draft: TableDraft, { columns, onDelete }: Reference): UnlinkedColumn[] {
	const isInTheWay = onDelete === 'restrict';
	return columns.flatMap((name) => {
		const index = columnIndex(draft.schema, name);
		const isNullable = draft.schema.columns[index]?.isNullable === true;
		return index >= 0 && (isNullable || !isInTheWay) ? [{ index, isInTheWay }] : [];
	});
}
