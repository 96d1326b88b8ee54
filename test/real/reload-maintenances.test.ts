import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KumaClient } from '../kit/kuma-client.ts';
import { waitFor } from '../kit/wait-for.ts';
import { SOON_MS, startWatchedFleet, type WatchedFleet, type WatchedReplica } from '../kit/watched-fleet.ts';

const UP = 1;
const MAINTENANCE = 3;
/** 14 hours ahead of UTC all the year round; no leader under test is there. */
const FAR_ZONE = 'Pacific/Kiritimati';

describe('maintenances in a running replica that stands in another time zone', () => {
	let watched: WatchedFleet;
	let monitor: number;

	beforeAll(async () => {
		watched = await startWatchedFleet({
			leaderEnvironment: { TZ: 'UTC' },
			replicaEnvironment: { TZ: FAR_ZONE },
			prepare: async (leader) => {
				monitor = await leader.addMonitor({
					name: 'Shop',
					url: 'http://shop.test/',
					interval: 20,
				});
			},
		});
		await watched.hasten(monitor, 1);
		await watched.change(() => Promise.resolve());
	});
	afterAll(async () => watched?.discard());

	async function expectBeats(status: number) {
		for (const { name, beats } of watched.replicas) {
			const isThere = async () => (await beats(monitor)).at(-1)?.status === status;
			await waitFor(isThere, { timeoutMs: SOON_MS, what: `a beat with status ${status} on ${name}` });
		}
	}

	async function add(leader: KumaClient, fields: Readonly<Record<string, unknown>>): Promise<number> {
		const id = await leader.addMaintenance(fields);
		await leader.setMaintenanceScope(id, { monitors: [monitor], statusPages: [] });
		return id;
	}

	/** What the page of a replica shows as the state of a maintenance. */
	async function shownStatus({ page }: WatchedReplica, id: number): Promise<unknown> {
		const list = page.takePushes().findLast(({ event }) => event === 'maintenanceList')?.values[0];
		return (list as Record<string, { status?: unknown }> | undefined)?.[id]?.status;
	}

	test('one that is started by hand counts at once, and no longer when it is paused or deleted', async () => {
		let id = 0;
		await expectBeats(UP);

		await watched.change(async (leader) => {
			id = await add(leader, { title: 'By hand' });
		});
		await expectBeats(MAINTENANCE);
		for (const replica of watched.replicas) expect(await shownStatus(replica, id)).toBe('under-maintenance');

		await watched.change((leader) => leader.call('pauseMaintenance', id));
		await expectBeats(UP);
		for (const replica of watched.replicas) expect(await shownStatus(replica, id)).toBe('inactive');

		await watched.change((leader) => leader.call('resumeMaintenance', id));
		await expectBeats(MAINTENANCE);
		await watched.change((leader) => leader.deleteMaintenance(id));
		await expectBeats(UP);
		expect(await watched.troubles()).toEqual([]);
	});

	test('the window of a cron opens and closes by itself', async () => {
		let id = 0;
		// Every minute, for a second less than a minute at most: it opens while we look.
		await watched.change(async (leader) => {
			id = await add(leader, {
				title: 'Every minute',
				strategy: 'cron',
				cron: '* * * * *',
				durationMinutes: 0.5,
				timezoneOption: 'UTC',
			});
		});

		await expectBeats(MAINTENANCE);
		await expectBeats(UP);
		await expectBeats(MAINTENANCE);

		await watched.change((leader) => leader.deleteMaintenance(id));
		await expectBeats(UP);
		expect(await watched.troubles()).toEqual([]);
	}, 300_000);

	test("the server's zone is the leader's: a window that is open there is open here", async () => {
		let open = 0;
		let closed = 0;
		await watched.change(async (leader) => {
			open = await add(leader, { title: 'Now', ...window(leaderHour(0)) });
		});
		await expectBeats(MAINTENANCE);

		// The same hour of the replica's own day: 14 hours off, at the leader.
		await watched.change(async (leader) => {
			await leader.deleteMaintenance(open);
			closed = await add(leader, { title: 'Not now', ...window(leaderHour(14)) });
		});
		await expectBeats(UP);
		for (const replica of watched.replicas) expect(await shownStatus(replica, closed)).toBe('scheduled');

		await watched.change((leader) => leader.deleteMaintenance(closed));
		expect(await watched.troubles()).toEqual([]);
	});

	test("a single one is between two times of the leader's clock", async () => {
		let single = 0;
		await watched.change(async (leader) => {
			single = await add(leader, {
				title: 'Once',
				strategy: 'single',
				dateRange: [leaderTime(-60), leaderTime(60)],
			});
		});
		await expectBeats(MAINTENANCE);

		await watched.change(async (leader) => {
			await leader.deleteMaintenance(single);
			single = await add(leader, {
				title: 'Later',
				strategy: 'single',
				dateRange: [leaderTime(60), leaderTime(120)],
			});
		});
		await expectBeats(UP);
		for (const replica of watched.replicas) expect(await shownStatus(replica, single)).toBe('scheduled');
		expect(await watched.troubles()).toEqual([]);
	});

	test('while one is edited, another one that is open has no gap', async () => {
		let other = 0;
		await watched.change(async (leader) => {
			await add(leader, { title: 'Now', ...window(leaderHour(0)) });
			other = await leader.addMaintenance({ title: 'Other' });
		});
		await expectBeats(MAINTENANCE);
		const before = await Promise.all(watched.replicas.map(({ beats }) => beats(monitor)));

		for (const title of ['One', 'Two', 'Three']) {
			await watched.change(async (leader) => {
				const { maintenance } = await leader.call('getMaintenance', other);
				await leader.call('editMaintenance', { ...(maintenance as object), title });
			});
		}

		for (const [index, { nextBeat, beats }] of watched.replicas.entries()) {
			await nextBeat(monitor);
			const since = (await beats(monitor)).slice((before[index]?.length ?? 0) - 1);
			expect(since.length).toBeGreaterThan(1);
			expect(since.map(({ status }) => status).filter((status) => status !== MAINTENANCE)).toEqual([]);
		}
		expect(await watched.troubles()).toEqual([]);
	});
});

/** A daily window of two hours around an hour of the day. */
function window(hour: number) {
	const at = (offset: number) => ({ hours: (hour + offset + 24) % 24, minutes: new Date().getUTCMinutes() });
	return {
		strategy: 'recurring-weekday',
		weekdays: [0, 1, 2, 3, 4, 5, 6],
		timeRange: [at(-1), at(1)],
		timezoneOption: 'SAME_AS_SERVER',
	};
}

/** @returns the hour of the leader's day, so many hours from now. */
function leaderHour(offset: number): number {
	return (new Date().getUTCHours() + offset) % 24;
}

function leaderTime(offsetMinutes: number): string {
	return new Date(Date.now() + offsetMinutes * 60_000).toISOString().slice(0, 16).replace('T', ' ');
}
