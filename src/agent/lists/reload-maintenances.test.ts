import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { bean, newStarts, reloadRows, runningKuma } from '../../../test/kit/running-kuma.ts';
import { type AgentChange, type AgentChanges, NO_CHANGES } from '../../model/agent-protocol.ts';
import type { Kuma } from '../kuma/kuma.ts';
import { reload } from '../reload.ts';
import { MaintenanceZone } from './maintenance-zone.ts';

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

	expect(problems).toEqual(['maintenance 3 could not be scheduled: no such day']);
	expect(kuma.server?.maintenanceList).toEqual({ 3: broken, 4: sound });
});

test('one that works goes on as it was planned while the new plan cannot be scheduled', async () => {
	const events: string[] = [];
	let isBroken = true;
	const old = bean(3, { stop: () => events.push('the old one stops') });
	const fresh = bean(3, {
		run: () => (isBroken ? Promise.reject(new Error('no such day')) : events.push('the new one runs')),
		stop: () => events.push('the new one stops'),
	});
	const { kuma } = runningKuma({ maintenance: [fresh] }, { maintenances: { 3: old } });
	const change = { table: 'maintenance', key: [3], kind: 'changed' } as const;

	const result = await reloadRows(kuma, change);

	expect(result).toMatchObject({
		problems: ['maintenance 3 could not be scheduled: no such day'],
		unfinished: { rows: [{ table: 'maintenance', key: [3] }] },
	});
	expect(kuma.server?.maintenanceList?.[3]).toBe(old);
	isBroken = false;
	await reloadRows(kuma, change);
	expect(kuma.server?.maintenanceList?.[3]).toBe(fresh);
	expect(events).toEqual(['the new one stops', 'the new one runs', 'the old one stops']);
});

test('one that is late to be scheduled does not open a window beside the one that is listed', async () => {
	vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
	onTestFinished(() => {
		vi.useRealTimers();
	});
	const { promise, resolve } = Promise.withResolvers<void>();
	const events: string[] = [];
	const old = bean(3);
	const late = bean(3, {
		run: () => promise.then(() => events.push('runs')),
		stop: () => events.push('stops'),
	});
	const { kuma } = runningKuma({ maintenance: [late] }, { maintenances: { 3: old } });

	const reloading = reloadRows(kuma, { table: 'maintenance', key: [3], kind: 'changed' });
	await vi.waitUntil(() => vi.getTimerCount() > 0);
	vi.advanceTimersByTime(60_000);
	expect((await reloading).problems).toEqual(['maintenance 3 could not be scheduled: no end after 30 s']);
	resolve();
	await new Promise((done) => setImmediate(done));

	expect(kuma.server?.maintenanceList?.[3]).toBe(old);
	expect(events).toEqual(['stops', 'runs', 'stops']);
});

describe('a leader in another zone', () => {
	const inZone = (timezone: string): AgentChanges => ({ ...NO_CHANGES, timezone });

	test('lets every maintenance of the database begin anew, whether or not Kuma knows it', async () => {
		const ran: number[] = [];
		const rows = [1, 2].map((id) => bean(id, { run: () => ran.push(id) }));
		const gone = bean(9, { stop: () => ran.push(-9) });
		const { kuma } = runningKuma({ maintenance: rows }, { maintenances: { 1: bean(1), 9: gone } });
		const zone = new MaintenanceZone();
		const parts = { kuma, starts: newStarts(), zone, access: null };

		await reload(parts, inZone('Europe/Berlin'));

		expect(ran.toSorted()).toEqual([-9, 1, 2]);
		expect(kuma.server?.maintenanceList).toEqual({ 1: rows[0], 2: rows[1] });
		await reload(parts, inZone('Europe/Berlin'));
		expect(ran).toHaveLength(3);
	});

	test('brings the first maintenances of all, which Kuma has never loaded', async () => {
		const row = bean(3);
		const { kuma } = runningKuma({ maintenance: [row] }, {});
		const added: AgentChange = { table: 'maintenance', key: [3], kind: 'added', columns: [] };

		await reload(
			{ kuma, starts: newStarts(), zone: new MaintenanceZone(), access: null },
			{ ...inZone('Europe/Berlin'), rows: [added] },
		);

		expect(kuma.server?.maintenanceList).toEqual({ 3: row });
	});

	test.each([1, 2, 3])('counts only when it has taken effect, after %i reloads that fail', async (times) => {
		const ran: number[] = [];
		const { kuma } = runningKuma({ maintenance: [bean(1, { run: () => ran.push(1) })] }, {});
		const find = kuma.beans?.find;
		let failures = times;
		const locked: Kuma = {
			...kuma,
			beans: {
				find: async (...query) => {
					failures -= 1;
					if (failures >= 0) throw new Error('database is locked');
					return (await find?.(...query)) ?? [];
				},
			},
		};
		const parts = { kuma: locked, starts: newStarts(), zone: new MaintenanceZone(), access: null };

		for (let attempt = 0; attempt < times; attempt += 1)
			await reload(parts, inZone('Europe/Berlin')).catch(() => undefined);
		expect(ran).toEqual([]);
		await reload(parts, inZone('Europe/Berlin'));

		expect(ran).toEqual([1]);
	});
});
