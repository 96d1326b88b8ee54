import type { Remark } from '../../model/state.ts';
import { columnIndex, type FinalRow, finalValue, type TableDraft, titleOf } from '../draft.ts';

/** Types of monitors that hang on a setting of the instance, which is not replicated. */
const NEEDED_SETTINGS: Readonly<Record<string, { readonly name: string; readonly reason: string }>> = {
	steam: { name: 'steamAPIKey', reason: 'no Steam API key is set on this instance (Settings → General)' },
	'real-browser': {
		name: 'chromeExecutable',
		reason: 'it uses whatever Chrome Kuma finds here, for no path is set (Settings → General)',
	},
};

/** Pauses push monitors, whose URL is called on the leader only: here they would be down for ever. */
export function pausePushMonitors(monitors: TableDraft | undefined): Remark[] {
	if (monitors === undefined) return [];
	const active = columnIndex(monitors.schema, 'active');
	return activeMonitors(monitors)
		.filter((row) => typeOf(monitors, row) === 'push' && row.wanted !== null)
		.map((row) => {
			row.values[active] = 0;
			const reason = 'its URL is called on the leader; it runs where REPLICATOR_PUSH_MONITORS=run';
			return { key: row.keyText, title: titleOf(monitors, row), kind: 'push-paused', reason };
		});
}

/** Names the monitors that run here, but need a local setting that is missing. */
export function findMissingSettings(
	monitors: TableDraft | undefined,
	settings: ReadonlyMap<string, string | null>,
): Remark[] {
	if (monitors === undefined) return [];
	const remoteBrowser = columnIndex(monitors.schema, 'remote_browser');
	return activeMonitors(monitors).flatMap((row): Remark[] => {
		const needed = NEEDED_SETTINGS[typeOf(monitors, row)];
		if (needed === undefined || isSet(settings.get(needed.name))) return [];
		if (remoteBrowser >= 0 && (finalValue(row, remoteBrowser) ?? null) !== null) return [];
		const { reason } = needed;
		return [{ key: row.keyText, title: titleOf(monitors, row), kind: 'setting-missing', reason }];
	});
}

function activeMonitors(monitors: TableDraft): FinalRow[] {
	const active = columnIndex(monitors.schema, 'active');
	return [...monitors.finals.values()].filter((row) => Number(finalValue(row, active)) === 1);
}

function typeOf(monitors: TableDraft, row: FinalRow): string {
	return String(finalValue(row, columnIndex(monitors.schema, 'type')) ?? '');
}

/** Settings are JSON texts. */
function isSet(setting: string | null | undefined): boolean {
	return setting !== undefined && setting !== null && !['', 'null', '""'].includes(setting);
}
