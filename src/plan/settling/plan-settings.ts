import type { SettingChange } from '../../model/plan.ts';
import { columnIndex, finalValue, type TableDraft } from '../draft.ts';

const PAGE_PREFIX = 'statusPage-';

/**
 * The local settings that hang on what is replicated, treated as Kuma itself does when a person makes the change:
 * it switches API keys on when the first is added, and keeps the entry page when a status page is renamed or goes.
 */
export function planSettings(
	drafts: ReadonlyMap<string, TableDraft>,
	settings: ReadonlyMap<string, string | null>,
): SettingChange[] {
	return [
		...planApiKeys(drafts.get('api_key'), settings),
		...planEntryPage(drafts.get('status_page'), settings),
	];
}

function planApiKeys(
	draft: TableDraft | undefined,
	settings: ReadonlyMap<string, string | null>,
): SettingChange[] {
	if (draft?.isReplicated !== true || draft.finals.size === 0) return [];
	const before = settings.get('apiKeysEnabled') ?? null;
	const isNewKeyThere = [...draft.finals.values()].some((row) => row.current === null);
	if (before === 'true' || (before !== null && !isNewKeyThere)) return [];
	return [{ name: 'apiKeysEnabled', before, after: 'true' }];
}

function planEntryPage(
	draft: TableDraft | undefined,
	settings: ReadonlyMap<string, string | null>,
): SettingChange[] {
	const before = settings.get('entryPage') ?? null;
	const named = parseString(before);
	if (draft?.isReplicated !== true || named?.startsWith(PAGE_PREFIX) !== true) return [];
	const slug = named.slice(PAGE_PREFIX.length);
	const index = columnIndex(draft.schema, 'slug');
	const finals = [...draft.finals.values()];
	if (finals.some((row) => finalValue(row, index) === slug)) return [];
	const page = [...draft.currentRows].find(([, row]) => row[index] === slug)?.[0];
	const renamed = page === undefined ? undefined : draft.finals.get(page);
	const after = renamed === undefined ? 'dashboard' : `${PAGE_PREFIX}${finalValue(renamed, index)}`;
	return [{ name: 'entryPage', before, after: JSON.stringify(after) }];
}

function parseString(json: string | null): string | null {
	if (json === null) return null;
	try {
		const value: unknown = JSON.parse(json);
		return typeof value === 'string' ? value : null;
	} catch {
		// Kuma too takes a setting that is no JSON for a plain text (its Settings.get).
		return json;
	}
}
