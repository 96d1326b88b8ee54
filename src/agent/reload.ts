import type { AgentChange, AgentChanges, ReloadResult } from '../model/agent-protocol.ts';
import { addMetricLabels } from './add-metric-labels.ts';
import { findBeans } from './find-beans.ts';
import type { Kuma } from './kuma.ts';
import type { MaintenanceZone } from './maintenance-zone.ts';
import type { MonitorStarts } from './monitor-starts.ts';
import { pushLists } from './push-lists.ts';
import { reloadMaintenances } from './reload-maintenances.ts';
import { restartMonitors } from './restart-monitors.ts';
import type { ServerAccess } from './server-access.ts';

/** Who may be in is another question after a change of these. */
const LOCKING_COLUMNS = ['password', 'active'];

export interface Reloading {
	readonly kuma: Kuma;
	readonly starts: MonitorStarts;
	readonly zone: MaintenanceZone;
	readonly access: ServerAccess | null;
}

/** @returns the monitors that must start anew, or end, for the changes. */
export function affectedMonitors(changes: AgentChanges): number[] {
	return [...new Set([...idsOf(changes.rows, 'monitor'), ...changes.retaggedMonitors])];
}

/** Makes the running Kuma as the database now says, in everything that the changes touch. */
export async function reload(parts: Reloading, changes: AgentChanges): Promise<ReloadResult> {
	const startedAt = performance.now();
	const { kuma, starts, zone } = parts;
	const tables = new Set(changes.rows.map(({ table }) => table));
	await refreshSettings(kuma, changes, tables);
	await endSetup(parts, tables);
	const isNewZone = zone.set(changes.timezone);
	const maintenanceProblems = await reloadMaintenances(
		kuma,
		isNewZone ? 'all' : idsOf(changes.rows, 'maintenance'),
	);
	if (tables.has('status_page') || tables.has('status_page_cname'))
		await kuma.StatusPage?.loadDomainMappingList?.();
	if (tables.has('tag')) await addMetricLabels(kuma);
	kuma.apicache?.clear?.();
	disconnectUsers(kuma, changes.rows);
	const affected = affectedMonitors(changes);
	// What was to be removed is there still, when the transaction was undone: the database decides.
	const beans = await findBeans(kuma, 'monitor', affected);
	const shown = new Set(beans.map(({ id }) => id));
	const removed = affected.filter((id) => !shown.has(id));
	const replaced = idsOf(
		changes.rows.filter(({ kind }) => kind === 'replaced'),
		'monitor',
	);
	for (const id of changes.relinkedMonitors) if (!removed.includes(id)) shown.add(id);
	// Pages need not wait until the last of many monitors has started.
	const [restarted, listProblems] = await Promise.all([
		restartMonitors(kuma, starts, { ids: affected, beans, strangers: [...removed, ...replaced] }),
		pushLists(kuma, { tables, monitors: [...shown], removedMonitors: removed }),
	]);
	return {
		isStarting: false,
		started: restarted.started,
		stopped: restarted.stopped,
		problems: [...maintenanceProblems, ...restarted.problems, ...listProblems],
		durationMs: performance.now() - startedAt,
	};
}

function idsOf(rows: readonly AgentChange[], wanted: string): number[] {
	return rows.flatMap(({ table, key }) => (table === wanted ? [Number(key[0])] : []));
}

/** Kuma keeps settings for up to two minutes, and whether API keys are in use is one of them. */
async function refreshSettings(
	kuma: Kuma,
	changes: AgentChanges,
	tables: ReadonlySet<string>,
): Promise<void> {
	if (changes.settings.length === 0 && !tables.has('api_key')) return;
	const { Settings, server } = kuma;
	for (const name of Object.keys(Settings?.cacheList ?? {})) delete Settings?.cacheList?.[name];
	if (server !== undefined && changes.settings.includes('entryPage'))
		server.entryPage = await Settings?.get?.('entryPage');
}

/** The first user came from the leader: the set-up page has nothing more to set up. */
async function endSetup({ kuma, access }: Reloading, tables: ReadonlySet<string>): Promise<void> {
	if (!tables.has('user') || access?.needSetup !== true) return;
	const count = await kuma.beans?.getCell?.('SELECT count(*) FROM user');
	if (Number(count) === 0) return;
	access.needSetup = false;
	kuma.server?.io?.emit?.('refresh');
}

/** Kuma's own rule: who changes a password, ends every open session of that user. */
function disconnectUsers(kuma: Kuma, rows: readonly AgentChange[]): void {
	const users = rows
		.filter(({ table, kind }) => table === 'user' && kind !== 'added')
		.filter(
			({ kind, columns }) => kind !== 'changed' || LOCKING_COLUMNS.some((name) => columns.includes(name)),
		)
		.map(({ key }) => Number(key[0]));
	for (const socket of kuma.server?.io?.sockets?.sockets?.values() ?? []) {
		if (!users.includes(Number(socket.userID))) continue;
		socket.emit?.('refresh');
		socket.disconnect?.();
	}
}
