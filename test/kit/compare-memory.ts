import type { Value } from '../../src/model/row.ts';
import { comparable, type KumaMemory } from './kuma-memory.ts';
import { kumaRows } from './kuma-rows.ts';

/** What a running Kuma, or its database, writes by itself. */
const OWN_COLUMNS: Readonly<Record<string, readonly string[]>> = {
	monitor: ['dns_last_result', 'timeout'],
	maintenance: ['last_start_date', 'cron', 'duration', 'timezone'],
};
/** Maintenances that begin by a clock. */
const SCHEDULED = ['single', 'cron', 'recurring-weekday'];

/**
 * Compares what a running Kuma has in its memory with its tables.
 * @param timezone the zone in which maintenances as on the server are meant.
 * @returns what differs, in words; nothing is `[]`.
 */
export async function compareMemory(
	memory: KumaMemory,
	{ dataDirectory, timezone }: { readonly dataDirectory: string; readonly timezone: string },
): Promise<string[]> {
	const tables = {
		monitor: await kumaRows(dataDirectory, 'monitor'),
		maintenance: await kumaRows(dataDirectory, 'maintenance'),
		setting: await kumaRows(dataDirectory, 'setting'),
		status_page: await kumaRows(dataDirectory, 'status_page'),
		status_page_cname: await kumaRows(dataDirectory, 'status_page_cname'),
	};
	const active = tables.monitor.filter(({ active }) => comparable(active) === '1');
	const running = Object.entries(memory.monitors).filter(([, { isStopped }]) => !isStopped);
	const slugs = new Map(tables.status_page.map(({ id, slug }) => [id, slug]));
	const domains = tables.status_page_cname.map((row) => [row.domain, slugs.get(row.status_page_id ?? null)]);
	const ids = new Set(tables.monitor.map(({ id }) => Number(id)));
	const setting = (name: string) => tables.setting.find(({ key }) => key === name)?.value ?? null;
	return [
		...differ('monitors in the list', Object.keys(memory.monitors), active.map(idOf)),
		...differ(
			'running monitors',
			running.map(([id]) => id),
			active.map(idOf),
		),
		...active.flatMap((row) => differRows('monitor', row, memory.monitors[idOf(row)]?.row)),
		...differ('maintenances', Object.keys(memory.maintenances), tables.maintenance.map(idOf)),
		...tables.maintenance.flatMap((row) => differMaintenance(row, memory.maintenances[idOf(row)], timezone)),
		...differ(
			'domains',
			Object.entries(memory.domains).map(String),
			domains.map(([domain, slug]) => `${domain},${slug}`),
		),
		...memory.statistics
			.filter((id) => !ids.has(id))
			.map((id) => `statistics of monitor ${id}, which is gone`),
		...Object.entries(memory.settings).flatMap(([name, value]) =>
			differ(`setting ${name}`, [JSON.stringify(value ?? null)], [String(setting(name))]),
		),
		...differ('entry page', [JSON.stringify(memory.entryPage)], [String(setting('entryPage'))]),
	];
}

function differMaintenance(
	row: Readonly<Record<string, Value>>,
	kept: KumaMemory['maintenances'][string] | undefined,
	timezone: string,
): string[] {
	if (kept === undefined) return [];
	const isServers = row.timezone === null || row.timezone === 'SAME_AS_SERVER';
	const isScheduled = SCHEDULED.includes(String(row.strategy));
	return [
		...differRows('maintenance', row, kept.row),
		...differ(
			`zone of maintenance ${row.id}`,
			[kept.timezone],
			[isServers ? timezone : String(row.timezone)],
		),
		...differ(`whether maintenance ${row.id} is scheduled`, [`${kept.isScheduled}`], [`${isScheduled}`]),
	];
}

function differRows(
	table: string,
	row: Readonly<Record<string, Value>>,
	kept: Readonly<Record<string, unknown>> | undefined,
): string[] {
	if (kept === undefined) return [];
	return Object.entries(row)
		.filter(([name]) => OWN_COLUMNS[table]?.includes(name) !== true)
		.flatMap(([name, value]) =>
			differ(`${table} ${row.id} ${name}`, [`${comparable(kept[name])}`], [`${comparable(value)}`]),
		);
}

function differ(what: string, kept: readonly string[], stored: readonly string[]): string[] {
	const [left, right] = [kept, stored].map((names) => names.toSorted().join(' '));
	return left === right ? [] : [`${what}: memory has "${left}", the database has "${right}"`];
}

function idOf({ id }: Readonly<Record<string, Value>>): string {
	return String(id);
}
