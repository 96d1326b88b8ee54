import { expect, test } from 'vitest';
import type { AgentChange, AgentChanges } from '../model/agent-protocol.ts';
import type { Bean, Kuma } from './kuma.ts';
import { MaintenanceZone } from './maintenance-zone.ts';
import { MonitorStarts } from './monitor-starts.ts';
import { reload } from './reload.ts';

type Tables = Readonly<Record<string, readonly Bean[]>>;

/** A Kuma of memory: its database, what it runs, and what it has sent to the page of its only user. */
function runningKuma(
	database: Tables,
	parts: { monitors?: Record<string, Bean>; maintenances?: Record<string, Bean> },
) {
	const sent: string[] = [];
	const forgotten: number[] = [];
	const kuma: Kuma = {
		server: {
			io: { sockets: { sockets: new Map([['s', { userID: 1 }]]) } },
			monitorList: parts.monitors ?? {},
			maintenanceList: parts.maintenances ?? {},
			sendUpdateMonitorIntoList: (_socket, id) => sent.push(`update ${id}`),
			sendDeleteMonitorFromList: (_socket, id) => sent.push(`delete ${id}`),
		},
		beans: {
			find: async (table, _where, ids) => (database[table] ?? []).filter(({ id }) => ids.includes(id)),
		},
		UptimeCalculator: { remove: (id) => forgotten.push(id) },
		Monitor: undefined,
		Maintenance: undefined,
		StatusPage: undefined,
		Settings: undefined,
		UptimeCacheList: undefined,
		Prometheus: undefined,
		metrics: undefined,
		client: undefined,
		apicache: undefined,
	};
	return { kuma, sent, forgotten };
}

function reloadRows(kuma: Kuma, ...rows: readonly Omit<AgentChange, 'columns'>[]) {
	const changes: AgentChanges = {
		rows: rows.map((row) => ({ ...row, columns: [] })),
		retaggedMonitors: [],
		relinkedMonitors: [],
		settings: [],
		timezone: null,
	};
	return reload({ kuma, starts: new MonitorStarts(), zone: new MaintenanceZone(), access: null }, changes);
}

function bean(id: number, life: Partial<Bean> = {}): Bean {
	return { id, active: 1, ...life };
}

test('a monitor that was to be removed and is there still runs again, and no page is told that it is gone', async () => {
	let starts = 0;
	const back = bean(7, { start: () => (starts += 1) });
	const { kuma, sent, forgotten } = runningKuma({ monitor: [back] }, { monitors: { 7: bean(7) } });

	const result = await reloadRows(kuma, { table: 'monitor', key: [7], kind: 'removed' });

	expect(result).toMatchObject({ started: 1, stopped: 1, problems: [] });
	expect(starts).toBe(1);
	expect(kuma.server?.monitorList?.[7]).toBe(back);
	expect(sent).toEqual(['update 7']);
	expect(forgotten).toEqual([]);
});

test('one that is gone is forgotten with its statistics', async () => {
	const { kuma, sent, forgotten } = runningKuma({}, { monitors: { 7: bean(7) } });

	await reloadRows(kuma, { table: 'monitor', key: [7], kind: 'removed' });

	expect(kuma.server?.monitorList).toEqual({});
	expect(sent).toEqual(['delete 7']);
	expect(forgotten).toEqual([7]);
});

test('one that takes the id of another does not go on with the statistics of that one', async () => {
	const { kuma, sent, forgotten } = runningKuma({ monitor: [bean(7)] }, { monitors: { 7: bean(7) } });

	await reloadRows(kuma, { table: 'monitor', key: [7], kind: 'replaced' });

	expect(sent).toEqual(['update 7']);
	expect(forgotten).toEqual([7]);
});

test('a changed maintenance runs before it takes the place of the old one, and others stay as they are', async () => {
	const events: string[] = [];
	const listed = () => kuma.server?.maintenanceList?.[3];
	const old = bean(3, {
		stop: () => events.push(`the old one stops, ${listed() === old ? 'listed' : 'replaced'}`),
	});
	const fresh = bean(3, {
		run: async () => {
			await Promise.resolve();
			events.push(`the new one runs, the old one is ${listed() === old ? 'listed' : 'gone'}`);
		},
	});
	const other = bean(4, { stop: () => events.push('another one stops') });
	const { kuma } = runningKuma({ maintenance: [fresh] }, { maintenances: { 3: old, 4: other } });

	await reloadRows(kuma, { table: 'maintenance', key: [3], kind: 'changed' });

	expect(events).toEqual(['the new one runs, the old one is listed', 'the old one stops, replaced']);
	expect(kuma.server?.maintenanceList).toEqual({ 3: fresh, 4: other });
});

test('a maintenance that cannot be scheduled is told, and the others are taken up', async () => {
	const broken = bean(3, { run: () => Promise.reject(new Error('no such day')) });
	const sound = bean(4);
	const { kuma } = runningKuma({ maintenance: [broken, sound] }, {});

	const { problems } = await reloadRows(
		kuma,
		{ table: 'maintenance', key: [3], kind: 'added' },
		{ table: 'maintenance', key: [4], kind: 'added' },
	);

	expect(problems).toEqual(['maintenance 3 could not be scheduled: Error: no such day']);
	expect(kuma.server?.maintenanceList).toEqual({ 3: broken, 4: sound });
});
