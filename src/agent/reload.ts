import {
	type AgentChange,
	type AgentChanges,
	NO_CHANGES,
	type ReloadResult,
} from '../model/agent-protocol.ts';
import { describeError } from './describe-error.ts';
import { findBeans } from './kuma/find-beans.ts';
import type { Bean, Kuma } from './kuma/kuma.ts';
import type { ServerAccess } from './kuma/server-access.ts';
import { disconnectUsers } from './lists/disconnect-users.ts';
import { endSetup } from './lists/end-setup.ts';
import type { MaintenanceZone } from './lists/maintenance-zone.ts';
import { mergeChanges, type OpenChanges } from './lists/merge-changes.ts';
import { pushLists } from './lists/push-lists.ts';
import { reloadMaintenances } from './lists/reload-maintenances.ts';
import { isWholeTable, spellOut, wholeTable } from './lists/whole-table.ts';
import { addMetricLabels } from './monitors/add-metric-labels.ts';
import type { MonitorStarts } from './monitors/monitor-starts.ts';
import { restartMonitors } from './monitors/restart-monitors.ts';

export interface Reloading {
	readonly kuma: Kuma;
	readonly starts: MonitorStarts;
	readonly zone: MaintenanceZone;
	readonly access: ServerAccess | null;
}

export interface Reloaded extends Omit<ReloadResult, 'isStarting'> {
	/** What of the changes was not taken up, and must be tried again; null: nothing. */
	readonly unfinished: OpenChanges | null;
	/** Why a whole part could not be taken up: Kuma itself, or its database, is not as it must be. */
	readonly failures: readonly unknown[];
}

/** @returns the monitors that must start anew, or end, for the changes. */
export function affectedMonitors(changes: AgentChanges): number[] {
	return [...new Set([...idsOf(changes.rows, 'monitor'), ...changes.retaggedMonitors])];
}

/**
 * Makes the running Kuma as the database now says, in everything that the changes touch. What there is, is asked of the
 * database and never of Kuma's memory: that may lack what an earlier reload should have brought. Nothing that fails
 * keeps the rest from being taken up, and last of all the monitors, which are stopped until then.
 */
export async function reload(parts: Reloading, asked: OpenChanges): Promise<Reloaded> {
	const startedAt = performance.now();
	const { kuma, zone } = parts;
	const changes = spellOut(asked);
	const tables = new Set(changes.rows.map(({ table }) => table));
	const touches = (...names: readonly string[]) => names.some((name) => tables.has(name));
	const open = new Open();
	/** What to try again where a part fails as a whole. */
	const partOf = (...names: readonly string[]): OpenChanges => ({
		...NO_CHANGES,
		rows: changes.rows.filter(({ table }) => names.includes(table)),
	});

	zone.set(changes.timezone);
	if (changes.settings.length > 0 || tables.has('api_key'))
		await open.attempt({ ...partOf('api_key'), settings: changes.settings }, () =>
			refreshSettings(kuma, changes),
		);
	// Nobody is thrown out once more for it.
	const anyUser: AgentChange = { ...wholeTable('user'), kind: 'added' };
	if (touches('user'))
		await open.attempt({ ...NO_CHANGES, rows: [anyUser] }, () => endSetup(kuma, parts.access));
	await open.attempt(partOf('maintenance'), async () => {
		const isAll = zone.isPending || isWhole(changes, 'maintenance');
		const { failed } = await reloadMaintenances(kuma, isAll ? 'all' : idsOf(changes.rows, 'maintenance'));
		// Those that failed are tried again one by one.
		zone.settle();
		for (const { id, problem } of failed) open.add(rowOf('maintenance', id), problem);
	});
	if (touches('status_page', 'status_page_cname'))
		await open.attempt(partOf('status_page', 'status_page_cname'), () =>
			kuma.StatusPage?.loadDomainMappingList?.(),
		);
	if (touches('tag')) await open.attempt(partOf('tag'), () => addMetricLabels(kuma));
	await open.attempt(NO_CHANGES, () => kuma.apicache?.clear?.());
	await open.attempt(partOf('user'), () => disconnectUsers(kuma, changes));
	const monitors = { started: 0, stopped: 0 };
	await open.attempt({ ...partOf('monitor'), ...monitorsOf(changes) }, async () => {
		Object.assign(monitors, await reloadMonitors(parts, { changes, tables, open }));
	});
	return {
		...monitors,
		problems: open.problems,
		unfinished: open.changes,
		failures: open.failures,
		durationMs: performance.now() - startedAt,
	};
}

/** What is not taken up, as it turns out. */
class Open {
	readonly problems: string[] = [];
	readonly failures: unknown[] = [];
	changes: OpenChanges | null = null;

	add(changes: OpenChanges, problem: string): void {
		this.problems.push(problem);
		this.changes = mergeChanges(this.changes ?? NO_CHANGES, changes);
	}

	async attempt(part: OpenChanges, work: () => unknown): Promise<void> {
		try {
			await work();
		} catch (error) {
			this.failures.push(error);
			this.add(part, `a part of the reload failed: ${describeError(error)}`);
		}
	}
}

async function reloadMonitors(
	{ kuma, starts }: Reloading,
	request: { readonly changes: OpenChanges; readonly tables: ReadonlySet<string>; readonly open: Open },
): Promise<{ readonly started: number; readonly stopped: number }> {
	const { changes, tables, open } = request;
	const isAll = isWhole(changes, 'monitor');
	// What was to be removed is there still, when the transaction was undone: the database decides.
	const beans = await findBeans(kuma, 'monitor', isAll ? 'all' : affectedMonitors(changes));
	const shown = new Set(beans.map(({ id }) => id));
	const affected = isAll ? everyMonitor(kuma, beans) : affectedMonitors(changes);
	const removed = affected.filter((id) => !shown.has(id));
	const replaced = idsOf(
		changes.rows.filter(({ kind }) => kind === 'replaced'),
		'monitor',
	);
	const strangers = isAll ? affected : [...removed, ...replaced];
	for (const id of changes.relinkedMonitors) if (!removed.includes(id)) shown.add(id);
	const { unsentLists = [] } = changes;
	const isReloadingPages = isWhole(changes, 'user');
	// Pages need not wait until the last of many monitors has started. Those that load anew get everything by that.
	const [{ started, stopped, failed }, unsent] = await Promise.all([
		restartMonitors(kuma, starts, { ids: affected, beans, strangers }),
		isReloadingPages
			? []
			: pushLists(kuma, { tables, monitors: [...shown], removedMonitors: removed, unsentLists }),
	]);
	for (const { id, problem } of failed) open.add(rowOf('monitor', id), problem);
	for (const { list, problem } of unsent) open.add({ ...NO_CHANGES, unsentLists: [list] }, problem);
	return { started, stopped };
}

/** @returns the monitors of the database, and those of which only Kuma's memory still knows. */
function everyMonitor(kuma: Kuma, beans: readonly Bean[]): number[] {
	const remembered = [kuma.server?.monitorList, kuma.UptimeCalculator?.list, kuma.UptimeCacheList?.list];
	const ids = remembered.flatMap((list) => Object.keys(list ?? {}).map(Number));
	return [...new Set([...beans.map(({ id }) => id), ...ids])];
}

function monitorsOf({ retaggedMonitors, relinkedMonitors }: AgentChanges) {
	return { retaggedMonitors, relinkedMonitors };
}

function rowOf(table: string, id: number): AgentChanges {
	return { ...NO_CHANGES, rows: [{ table, key: [id], kind: 'changed', columns: [] }] };
}

function idsOf(rows: readonly AgentChange[], wanted: string): number[] {
	return rows.flatMap((row) => (row.table === wanted && !isWholeTable(row) ? [Number(row.key[0])] : []));
}

function isWhole({ rows }: AgentChanges, wanted: string): boolean {
	return rows.some((row) => row.table === wanted && row.kind === 'replaced' && isWholeTable(row));
}

/** Kuma keeps settings for up to two minutes, and whether API keys are in use is one of them. */
async function refreshSettings(kuma: Kuma, { settings }: AgentChanges): Promise<void> {
	const { Settings, server } = kuma;
	for (const name of Object.keys(Settings?.cacheList ?? {})) delete Settings?.cacheList?.[name];
	if (server !== undefined && settings.includes('entryPage'))
		server.entryPage = await Settings?.get?.('entryPage');
}
