import type { Key } from '../model/row.ts';
import { columnIndex, finalValue, type TableDraft } from './draft.ts';
import { changedColumns } from './values/compare-row.ts';
import { keyText } from './values/same-value.ts';

/** Monitors whose own rows stay, while something that hangs on them changes. */
export interface TouchedMonitors {
	/** A tag of theirs is added, changed or removed. */
	readonly retagged: readonly Key[];
	/** A notification or a maintenance is linked to them, or no longer. */
	readonly relinked: readonly Key[];
}

/** Finds out which monitors Kuma must look at again though their rows do not change. */
export function findTouched(drafts: ReadonlyMap<string, TableDraft>): TouchedMonitors {
	const tag = drafts.get('tag');
	const changedTags = new Set(tag === undefined ? [] : changedKeys(tag));
	return {
		retagged: monitorsOf(drafts.get('monitor_tag'), { column: 'tag_id', isChanged: changedTags }),
		relinked: [
			...monitorsOf(drafts.get('monitor_notification')),
			...monitorsOf(drafts.get('monitor_maintenance')),
		],
	};
}

function monitorsOf(
	links: TableDraft | undefined,
	through?: { readonly column: string; readonly isChanged: ReadonlySet<string> },
): Key[] {
	if (links === undefined || !links.isReplicated) return [];
	const monitor = columnIndex(links.schema, 'monitor_id');
	const found = new Map<string, Key>();
	const add = (value: unknown) => {
		if (typeof value === 'number' || typeof value === 'bigint') found.set(String(value), [value]);
	};
	const changed = new Set(changedKeys(links));
	for (const [text, row] of links.currentRows) if (changed.has(text)) add(row[monitor]);
	const far = columnIndex(links.schema, through?.column);
	for (const row of links.finals.values()) {
		const isFarChanged = through?.isChanged.has(keyText([finalValue(row, far) ?? null])) === true;
		if (changed.has(row.keyText) || isFarChanged) add(finalValue(row, monitor));
	}
	return [...found.values()];
}

/** Keys of the rows of a table that come, go or change. */
function changedKeys(draft: TableDraft): string[] {
	if (!draft.isReplicated) return [];
	const gone = [...draft.currentRows.keys()].filter((text) => !draft.finals.has(text));
	const others = [...draft.finals.values()]
		.filter((row) => row.current === null || changedColumns(draft, row, row.current).length > 0)
		.map(({ keyText: text }) => text);
	return [...gone, ...others];
}
