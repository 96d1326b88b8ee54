import type { Row } from '../model/row.ts';
import { columnIndex, type TableDraft } from './draft.ts';
import { keyText } from './same-value.ts';

/** What the deletes of a plan do to one table. */
export interface Swept {
	/** Keys whose rows go: they are not wanted any more, or another row takes their key, or a delete takes them along. */
	readonly deleted: ReadonlySet<string>;
	/** Keys of wanted rows among them that a delete elsewhere takes along and that must be inserted again. */
	readonly takenAlong: ReadonlySet<string>;
	/** Key → columns that a delete elsewhere sets to NULL, or would be stopped by. */
	readonly unlinked: ReadonlyMap<string, readonly UnlinkedColumn[]>;
}

export interface UnlinkedColumn {
	readonly index: number;
	/** The database refuses the delete while the row refers to what goes, so the plan must unlink it first. */
	readonly isInTheWay: boolean;
}

/**
 * Works out what each table loses, in catalog order: a table comes after those that it refers to, so one pass
 * sees every consequence.
 */
export function findSwept(drafts: readonly TableDraft[]): Map<string, Swept> {
	const swept = new Map<string, Swept>();
	for (const draft of drafts) swept.set(draft.table.name, sweepTable(draft, swept));
	return swept;
}

function sweepTable(draft: TableDraft, swept: ReadonlyMap<string, Swept>): Swept {
	const deleted = new Set<string>();
	const takenAlong = new Set<string>();
	for (const [text] of draft.currentRows) {
		const final = draft.finals.get(text);
		if (final === undefined || final.isReplacement) deleted.add(text);
	}
	const references = draft.schema.references.map((reference) => ({
		...reference,
		index: columnIndex(draft.schema, reference.column),
		// A table that refers to itself sees its own deletes; those of later tables cannot touch it.
		gone: reference.toTable === draft.table.name ? deleted : swept.get(reference.toTable)?.deleted,
	}));
	for (const [text, row] of draft.currentRows) {
		if (deleted.has(text)) continue;
		if (
			references.some(({ onDelete, index, gone }) => onDelete === 'cascade' && refersTo(row, index, gone))
		) {
			deleted.add(text);
			takenAlong.add(text);
		}
	}
	const unlinked = new Map<string, UnlinkedColumn[]>();
	for (const [text, row] of draft.currentRows) {
		const columns = references
			.filter(({ onDelete, index, gone }) => onDelete !== 'cascade' && refersTo(row, index, gone))
			.map(({ onDelete, index }) => ({ index, isInTheWay: onDelete === 'restrict' }));
		if (!deleted.has(text) && columns.length > 0) unlinked.set(text, columns);
	}
	return { deleted, takenAlong, unlinked };
}

function refersTo(row: Row, index: number, gone: ReadonlySet<string> | undefined): boolean {
	const value = row[index];
	return value !== null && value !== undefined && gone?.has(keyText([value])) === true;
}
