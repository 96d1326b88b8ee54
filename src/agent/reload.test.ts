import { describe, expect, test } from 'vitest';
import { bean, newStarts, reloadRows, runningKuma } from '../../test/kit/running-kuma.ts';
import { NO_CHANGES } from '../model/agent-protocol.ts';
import type { Kuma } from './kuma/kuma.ts';
import { MaintenanceZone } from './lists/maintenance-zone.ts';
import { reload } from './reload.ts';

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

test.each([
	[
		'throws',
		() => {
			throw new Error('SQLITE_BUSY: database is locked');
		},
	],
	['rejects', () => Promise.reject(new Error('SQLITE_BUSY: database is locked'))],
])(
	'a monitor whose start %s does not count as started, and is all that is tried again',
	async (_how, start) => {
		const { kuma } = runningKuma({ monitor: [bean(7, { start }), bean(8, { start: () => undefined })] }, {});

		const result = await reloadRows(
			kuma,
			{ table: 'monitor', key: [7], kind: 'changed' },
			{ table: 'monitor', key: [8], kind: 'changed' },
		);

		expect(result).toMatchObject({
			started: 1,
			problems: ['monitor 7 could not be started: SQLITE_BUSY: database is locked'],
			unfinished: { ...NO_CHANGES, rows: [{ table: 'monitor', key: [7] }] },
		});
	},
);

test('maintenances that cannot be read keep no monitor from running, and are tried again', async () => {
	let starts = 0;
	const { kuma } = runningKuma({ monitor: [bean(7, { start: () => (starts += 1) })] }, {});
	const find = kuma.beans?.find;
	const broken: Kuma = {
		...kuma,
		beans: {
			find: async (table, ...query) => {
				if (table === 'maintenance') throw new Error('no such column');
				return (await find?.(table, ...query)) ?? [];
			},
		},
	};

	const result = await reloadRows(
		broken,
		{ table: 'maintenance', key: [3], kind: 'changed' },
		{ table: 'monitor', key: [7], kind: 'changed' },
	);

	expect(starts).toBe(1);
	expect(result.failures).toHaveLength(1);
	expect(result.unfinished).toMatchObject({ rows: [{ table: 'maintenance', key: [3] }] });
});

test('everything is what the database has, whatever Kuma remembers', async () => {
	const ran: string[] = [];
	const monitors = [
		bean(1, { start: () => ran.push('monitor 1') }),
		bean(2, { active: 0, start: () => ran.push('monitor 2') }),
	];
	const maintenances = [bean(3, { run: () => ran.push('maintenance 3') })];
	const { kuma, forgotten } = runningKuma(
		{ monitor: monitors, maintenance: maintenances },
		{
			monitors: { 2: bean(2), 9: bean(9, { stop: () => ran.push('monitor 9 stops') }) },
			maintenances: { 9: bean(9, { stop: () => ran.push('maintenance 9 stops') }) },
		},
	);
	const page = { userID: 1, emit: (event: string) => ran.push(event), disconnect: () => undefined };
	kuma.server?.io?.sockets?.sockets?.set('s', page);

	const parts = { kuma, starts: newStarts(), zone: new MaintenanceZone(), access: null };
	const result = await reload(parts, { ...NO_CHANGES, isEverything: true });

	expect(result).toMatchObject({ problems: [], unfinished: null });
	expect(ran).toEqual(['maintenance 3', 'maintenance 9 stops', 'refresh', 'monitor 9 stops', 'monitor 1']);
	expect(kuma.server?.monitorList).toEqual({ 1: monitors[0] });
	expect(kuma.server?.maintenanceList).toEqual({ 3: maintenances[0] });
	expect(forgotten.toSorted()).toEqual([1, 2, 9]);
});

test('what Kuma does to a monitor while it waits for its turn stands', async () => {
	const started: string[] = [];
	const row = (id: number, name: string, active = 1) =>
		bean(id, { active, start: () => started.push(`${id} ${name}`) });
	const rows = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((id) => row(id, 'as applied'));
	const database = { monitor: rows };
	const { kuma } = runningKuma(database, {
		monitors: Object.fromEntries(rows.map(({ id }) => [id, bean(id)])),
	});
	const list = kuma.server?.monitorList ?? {};
	const byPerson = row(9, 'by a person');
	rows[0] = bean(1, {
		start: () => {
			// As Kuma pauses, deletes, edits and starts monitors.
			rows[5] = row(6, 'paused', 0);
			if (6 in list) Object.assign(list[6] ?? {}, { active: 0 });
			rows.splice(6, 1, row(8, 'edited'));
			delete list[7];
			rows.splice(7, 1);
			list[9] = byPerson;
		},
	});

	const result = await reloadRows(
		kuma,
		...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((id) => ({ table: 'monitor', key: [id], kind: 'changed' }) as const),
	);

	expect(started).toEqual([...[2, 3, 4, 5].map((id) => `${id} as applied`), '8 edited']);
	expect(list[9]).toBe(byPerson);
	expect(list[7]).toBeUndefined();
	expect(result).toMatchObject({ started: 6, problems: [], unfinished: null });
});

test('a monitor that Kuma starts while others are being stopped runs in the end, once', async () => {
	const events: string[] = [];
	const byPerson = bean(2, { stop: () => events.push('the one of a person stops') });
	const first = bean(1, {
		stop: () => {
			if (kuma.server?.monitorList !== undefined) kuma.server.monitorList[2] = byPerson;
		},
	});
	const row = bean(2, { start: () => events.push('2 starts') });
	const { kuma } = runningKuma({ monitor: [row] }, { monitors: { 1: first, 2: bean(2) } });

	await reloadRows(
		kuma,
		{ table: 'monitor', key: [1], kind: 'removed' },
		{ table: 'monitor', key: [2], kind: 'changed' },
	);

	expect(events).toEqual(['the one of a person stops', '2 starts']);
	expect(kuma.server?.monitorList).toEqual({ 2: row });
});

test('monitors that cannot be read again before their start are tried again', async () => {
	const { kuma } = runningKuma({ monitor: [bean(7)] }, {});
	const find = kuma.beans?.find;
	let reads = 0;
	const broken: Kuma = {
		...kuma,
		beans: {
			find: async (...query) => {
				reads += 1;
				if (reads > 1) throw new Error('SQLITE_BUSY: database is locked');
				return (await find?.(...query)) ?? [];
			},
		},
	};

	const result = await reloadRows(broken, { table: 'monitor', key: [7], kind: 'changed' });

	expect(result).toMatchObject({
		started: 0,
		problems: ['monitor 7 could not be started: SQLITE_BUSY: database is locked'],
		unfinished: { rows: [{ table: 'monitor', key: [7] }] },
	});
});

test('a monitor whose stop throws keeps no other from being stopped, and is tried again', async () => {
	const events: string[] = [];
	const broken = bean(7, {
		stop: () => {
			throw new Error('no such metric');
		},
	});
	const { kuma } = runningKuma(
		{ monitor: [bean(7, { start: () => events.push('7 starts') })] },
		{ monitors: { 7: broken, 8: bean(8, { stop: () => events.push('8 stops') }) } },
	);

	const result = await reloadRows(
		kuma,
		{ table: 'monitor', key: [7], kind: 'changed' },
		{ table: 'monitor', key: [8], kind: 'removed' },
	);

	expect(events).toEqual(['8 stops', '7 starts']);
	expect(result).toMatchObject({
		problems: ['monitor 7 could not be stopped: no such metric'],
		unfinished: { rows: [{ table: 'monitor', key: [7] }] },
		failures: [],
	});
});

describe('of everything, the part that fails is all that is tried again', () => {
	const busy = () => Promise.reject(new Error('SQLITE_BUSY: database is locked'));
	const throwing = () => {
		throw new Error('no such cache');
	};
	/** Makes one part of Kuma fail as long as `isBroken` says so. */
	const PARTS: Readonly<Record<string, (kuma: Kuma, isBroken: () => boolean) => Kuma>> = {
		'status pages': (kuma, isBroken) => ({
			...kuma,
			StatusPage: { loadDomainMappingList: () => (isBroken() ? busy() : undefined) },
		}),
		settings: (kuma, isBroken) => ({
			...kuma,
			Settings: { get: async () => (isBroken() ? busy() : 'page') },
		}),
		'metric labels': (kuma, isBroken) => withFind(kuma, (table) => table === 'tag' && isBroken()),
		maintenances: (kuma, isBroken) => withFind(kuma, (table) => table === 'maintenance' && isBroken()),
		'the cache of pages': (kuma, isBroken) => ({
			...kuma,
			apicache: { clear: () => (isBroken() ? throwing() : undefined) },
		}),
		'first user': (kuma, isBroken) => withFind(kuma, (table) => table === 'user' && isBroken()),
	};
	const withFind = (kuma: Kuma, fails: (table: string) => boolean): Kuma => ({
		...kuma,
		beans: {
			find: async (table, ...query) =>
				fails(table) ? busy() : ((await kuma.beans?.find?.(table, ...query)) ?? []),
			getCell: async () => (fails('user') ? busy() : 1),
		},
	});

	test.each(Object.entries(PARTS))('%s', async (_name, breakPart) => {
		const events: string[] = [];
		const { kuma } = runningKuma(
			{ monitor: [bean(1, { start: () => events.push('monitor starts') })] },
			{ monitors: { 1: bean(1) } },
		);
		const page = { userID: 1, emit: () => events.push('page loads anew'), disconnect: () => undefined };
		kuma.server?.io?.sockets?.sockets?.set('s', page);
		let isBroken = true;
		const access = { needSetup: true };
		const parts = {
			kuma: breakPart(kuma, () => isBroken),
			starts: newStarts(),
			zone: new MaintenanceZone(),
			access,
		};

		const first = await reload(parts, { ...NO_CHANGES, isEverything: true });
		const second = await reload(parts, first.unfinished ?? NO_CHANGES);
		isBroken = false;
		const third = await reload(parts, second.unfinished ?? NO_CHANGES);

		expect(first.failures).toHaveLength(1);
		expect(second.failures).toHaveLength(1);
		expect(third).toMatchObject({ problems: [], unfinished: null });
		expect(events).toEqual(['page loads anew', 'monitor starts']);
	});
});

test('a session that cannot be ended keeps neither another one open nor a monitor from running', async () => {
	const events: string[] = [];
	const { kuma } = runningKuma({ monitor: [bean(7, { start: () => events.push('starts') })] }, {});
	const sockets = kuma.server?.io?.sockets?.sockets;
	const broken = {
		userID: 1,
		emit: () => {
			throw new Error('no transport');
		},
	};
	sockets?.set('s', broken);
	sockets?.set('t', { userID: 1, disconnect: () => events.push('is ended') });

	const result = await reloadRows(
		kuma,
		{ table: 'user', key: [1], kind: 'removed' },
		{ table: 'monitor', key: [7], kind: 'changed' },
	);

	expect(events).toEqual(['is ended', 'starts']);
	expect(result.unfinished).toMatchObject({ rows: [{ table: 'user', key: [1] }] });
});

test('a list that could not be sent to a page is sent again, and nothing else is done for it', async () => {
	const events: string[] = [];
	const row = bean(3, { run: () => events.push('maintenance runs') });
	const { kuma, sent } = runningKuma({ maintenance: [row], monitor: [bean(7), bean(8)] }, {});
	let isBroken = true;
	const send = (list: string) => () => {
		if (isBroken) throw new Error(`select * from x where \`token\` = 'secret' - SQLITE_BUSY: locked`);
		events.push(list);
	};
	const deaf: Kuma = {
		...kuma,
		server: {
			...kuma.server,
			sendUpdateMonitorIntoList: send('an update'),
			sendMonitorList: send('all monitors'),
			sendMaintenanceListByUserID: send('maintenances'),
		},
		client: { sendNotificationList: () => events.push('notifications') },
	};
	const parts = { kuma: deaf, starts: newStarts(), zone: new MaintenanceZone(), access: null };
	const changed = (table: string, id: number) =>
		({ table, key: [id], kind: 'changed', columns: [] }) as const;

	const first = await reload(parts, {
		...NO_CHANGES,
		rows: [changed('maintenance', 3), changed('monitor', 7), changed('notification', 1)],
	});
	isBroken = false;
	const second = await reload(parts, first.unfinished ?? NO_CHANGES);

	expect(first.problems.toSorted()).toEqual([
		'the list of table maintenance could not be sent to a page: SQLITE_BUSY: locked',
		'the list of table monitor could not be sent to a page: SQLITE_BUSY: locked',
	]);
	expect(second).toMatchObject({ started: 0, problems: [], unfinished: null });
	expect(events).toEqual(['maintenance runs', 'notifications', 'all monitors', 'maintenances']);
	expect(sent).toEqual([]);
});
