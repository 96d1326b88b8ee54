import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpRecorder, startHttpRecorder } from '../kit/http-recorder.ts';
import type { KumaClient } from '../kit/kuma-client.ts';
import { kumaInstallation } from '../kit/kuma-installation.ts';
import { waitFor } from '../kit/wait-for.ts';
import { SOON_MS, startWatchedFleet, type WatchedFleet, type WatchedReplica } from '../kit/watched-fleet.ts';

const WITHOUT_TAG_LABELS = ['2.0.0-dev.0', '2.0.1'];
const PRE_RELEASE = '2.0.0-dev.0';

const { version } = await kumaInstallation();

/** Each goes on from where the one before has left it; nothing restarts Kuma in between. */
describe('monitors, and what hangs on them, change in a running replica', () => {
	let watched: WatchedFleet;
	let apiKey: string;
	/** Beats every other second, and is never touched. */
	let steady: number;
	/** Those who ask for it get their answer when it is due. */
	const slow = Promise.withResolvers<null>();

	beforeAll(async () => {
		watched = await startWatchedFleet({
			answer: ({ url }) => {
				if (url.startsWith('http://slow.test/')) return slow.promise;
				return url.includes('/containers/') ? { body: '{"State":{"Running":true}}' } : null;
			},
			prepare: async (leader) => {
				steady = await leader.addMonitor({ ...WATCHED, name: 'Steady', url: 'http://steady.test/' });
				({ key: apiKey } = await leader.addApiKey({ name: 'Prometheus' }));
			},
		});
		await watched.hasten(steady, 1);
		await watched.change(() => Promise.resolve());
	});
	afterAll(async () => watched?.discard());

	/** What the pre-release cannot do is no test there: it has nothing to say. */
	function testOnReleases(title: string, run: () => Promise<void>): void {
		if (version !== PRE_RELEASE) test(title, run);
	}

	const WATCHED = { interval: 20, retryInterval: 20 } as const;

	async function soon(what: string, condition: (replica: WatchedReplica) => boolean | Promise<boolean>) {
		for (const replica of watched.replicas)
			await waitFor(() => condition(replica), { timeoutMs: SOON_MS, what: `${what} on ${replica.name}` });
	}

	/** Long enough that a monitor with an interval of one second would have beaten several times. */
	async function letBeat() {
		const counts = new Map(
			watched.replicas.map(({ name, recorder }) => [name, hits(recorder.to('http://steady'))]),
		);
		await soon('five beats more', ({ name, recorder }) => {
			return hits(recorder.to('http://steady')) >= (counts.get(name) ?? 0) + 5;
		});
	}
	const hits = (requests: readonly unknown[]) => requests.length;

	async function metricsOf(replica: WatchedReplica, monitor: string): Promise<string[]> {
		const response = await fetch(`${replica.replicator.url}/metrics`, {
			headers: { authorization: `Basic ${Buffer.from(`:${apiKey}`).toString('base64')}` },
		});
		expect(response.status).toBe(200);
		return (await response.text())
			.split('\n')
			.filter((line) => line.startsWith('monitor_status{') && line.includes(`monitor_name="${monitor}"`));
	}

	test('an added monitor beats at once', async () => {
		let id = 0;

		await watched.change(async (leader) => {
			id = await leader.addMonitor({ ...WATCHED, name: 'Shop', url: 'http://shop.test/', interval: 3600 });
		});

		await soon('a request', ({ recorder }) => recorder.to('http://shop.test/').length === 1);
		await soon('a beat', async ({ beats }) => (await beats(id)).length === 1);
		for (const { beats } of watched.replicas) expect((await beats(id))[0]?.status).toBe(1);
		expect(await watched.troubles()).toEqual([]);
	});

	test('a changed one asks for its new address at once, and never again for the old one', async () => {
		let id = 0;
		await watched.change(async (leader) => {
			id = await leader.addMonitor({ ...WATCHED, name: 'Mover', url: 'http://old.test/' });
			await watched.hasten(id, 1);
		});
		await soon('the old address', ({ recorder }) => recorder.to('http://old.test/').length >= 2);

		await watched.change((leader) =>
			leader.editMonitor(id, { url: 'http://new.test/', interval: 20, retryInterval: 20 }),
		);

		await soon('the new address', ({ recorder }) => recorder.to('http://new.test/').length === 1);
		const before = watched.replicas.map(({ recorder }) => recorder.to('http://old.test/').length);
		await letBeat();
		expect(watched.replicas.map(({ recorder }) => recorder.to('http://old.test/').length)).toEqual(before);
		expect(await watched.troubles()).toEqual([]);
	});

	test('a paused one is silent and a resumed one beats at once, in every page that is open', async () => {
		let id = 0;
		await watched.change(async (leader) => {
			id = await leader.addMonitor({ ...WATCHED, name: 'Sleeper', url: 'http://sleeper.test/' });
			await watched.hasten(id, 1);
		});
		await soon('a request', ({ recorder }) => recorder.to('http://sleeper.test/').length >= 1);

		await watched.change((leader) => leader.pauseMonitor(id));
		const paused = watched.replicas.map(({ recorder }) => recorder.to('http://sleeper.test/').length);
		await letBeat();
		expect(watched.replicas.map(({ recorder }) => recorder.to('http://sleeper.test/').length)).toEqual(
			paused,
		);
		for (const { page } of watched.replicas)
			expect((await page.monitorList()).get(id)).toMatchObject({ active: false });

		await watched.change((leader) => leader.resumeMonitor(id));
		for (const [index, count] of paused.entries()) {
			const recorder = watched.replicas[index]?.recorder;
			await waitFor(() => (recorder?.to('http://sleeper.test/').length ?? 0) > count, {
				timeoutMs: SOON_MS,
				what: 'a request after the pause',
			});
		}
		expect(await watched.troubles()).toEqual([]);
	});

	test('removed ones are gone with their history, and nothing beats on what is gone', async () => {
		const ids: number[] = [];
		await watched.change(async (leader) => {
			for (const index of [1, 2, 3, 4, 5]) {
				const url = `http://doomed.test/${index}`;
				const id = await leader.addMonitor({ ...WATCHED, name: `Doomed ${index}`, url });
				await watched.hasten(id, 1);
				ids.push(id);
			}
		});
		await soon('requests', ({ recorder }) => recorder.to('http://doomed.test/').length >= 10);
		for (const { page } of watched.replicas) page.takePushes();

		await watched.change(async (leader) => {
			for (const id of ids) await leader.deleteMonitor(id);
		});

		const before = watched.replicas.map(({ recorder }) => recorder.to('http://doomed.test/').length);
		await letBeat();
		expect(watched.replicas.map(({ recorder }) => recorder.to('http://doomed.test/').length)).toEqual(before);
		for (const { beats, page } of watched.replicas) {
			for (const id of ids) expect(await beats(id)).toEqual([]);
			const lists = page.takePushes();
			if (version === PRE_RELEASE) expect(lists.map(({ event }) => event)).toContain('monitorList');
			else {
				const gone = lists.filter(({ event }) => event === 'deleteMonitorFromList');
				expect(gone.map(({ values }) => values[0]).sort()).toEqual(ids.toSorted());
			}
		}
		expect(await watched.troubles()).toEqual([]);
	});

	test('a check that is under way when its monitor is removed or renamed ends without a trace', async () => {
		const ids: number[] = [];
		await watched.change(async (leader) => {
			for (const name of ['Removed', 'Renamed']) {
				const url = `http://slow.test/${name}`;
				ids.push(await leader.addMonitor({ ...WATCHED, name, url, interval: 3600, timeout: 600 }));
			}
		});
		await soon('requests', ({ recorder }) => recorder.to('http://slow.test/').length === 2);

		await watched.change(async (leader) => {
			await leader.deleteMonitor(ids[0] ?? 0);
			await leader.editMonitor(ids[1] ?? 0, { name: 'New name', url: 'http://quick.test/' });
		});
		slow.resolve(null);

		for (const name of ['Removed', 'Renamed'])
			await soon(`the end of ${name}'s check`, ({ replicator }) =>
				new RegExp(`\\[${name}\\] isStop = true|Trace: `).test(replicator.log()),
			);
		for (const replica of watched.replicas) {
			expect(await metricsOf(replica, 'Removed')).toEqual([]);
			expect(await metricsOf(replica, 'Renamed')).toEqual([]);
			expect(await metricsOf(replica, 'New name')).toHaveLength(1);
		}
		expect(await watched.troubles()).toEqual([]);
	});

	test('one that moves into a group counts for that group', async () => {
		let group = 0;
		let child = 0;
		await watched.change(async (leader) => {
			group = await leader.addMonitor({ ...WATCHED, type: 'group', name: 'Offices' });
			child = await leader.addMonitor({ ...WATCHED, name: 'Child', url: 'http://child.test/' });
			await watched.hasten(group, 1);
			await watched.hasten(child, 1);
		});
		// Empty: Kuma has it pending.
		await soon('a beat of the empty group', async ({ beats }) => (await beats(group)).at(-1)?.status === 2);

		await watched.change((leader) =>
			leader.editMonitor(child, { parent: group, interval: 20, retryInterval: 20 }),
		);

		await soon('the group is up', async ({ beats }) => (await beats(group)).at(-1)?.status === 1);
		for (const { page } of watched.replicas)
			expect((await page.monitorList()).get(child)).toMatchObject({ parent: group });
		expect(await watched.troubles()).toEqual([]);
	});

	test('a new tag, its new value and its new name label the metrics of the monitor', async () => {
		let id = 0;
		let tag = 0;
		await watched.change(async (leader) => {
			id = await leader.addMonitor({ ...WATCHED, name: 'Tagged', url: 'http://tagged.test/' });
		});
		await soon('metrics', async (replica) => (await metricsOf(replica, 'Tagged')).length === 1);
		const labels = async (wanted: string | null, unwanted: string | null) => {
			await soon(`metrics with ${wanted}`, async (replica) => {
				const lines = await metricsOf(replica, 'Tagged');
				if (WITHOUT_TAG_LABELS.includes(version)) return lines.length === 1;
				const [line = ''] = lines;
				return (
					lines.length === 1 &&
					(wanted === null || line.includes(wanted)) &&
					(unwanted === null || !line.includes(unwanted))
				);
			});
		};

		await watched.change(async (leader) => {
			tag = await leader.addTag({ name: 'Region', color: '#2563EB' });
			await leader.addMonitorTag({ tagId: tag, monitorId: id, value: 'north' });
		});
		await labels('Region="north"', null);

		await watched.change((leader) => leader.call('editMonitorTag', tag, id, 'south'));
		await labels('Region="south"', 'north');

		await watched.change((leader) => leader.call('editTag', { id: tag, name: 'Place', color: '#2563EB' }));
		await labels('Place="south"', 'Region');

		await watched.change((leader) => leader.deleteTag(tag));
		await labels(null, 'Place');
		expect(await watched.troubles()).toEqual([]);
	});

	// On MariaDB, the pre-release has room for ports up to 32767 only.
	testOnReleases('a changed proxy is used at the next beat', async () => {
		const [first, second] = await Promise.all([startHttpRecorder(), startHttpRecorder()]);
		const portOf = ({ url }: HttpRecorder) => Number(new URL(url).port);
		try {
			let proxy = 0;
			let id = 0;
			await watched.change(async (leader) => {
				proxy = await leader.addProxy({ host: '127.0.0.1', port: portOf(first) });
				const proxied = { ...WATCHED, name: 'Proxied', url: 'http://proxied.test/', proxyId: proxy };
				id = await leader.addMonitor(proxied);
				await watched.hasten(id, 1);
			});
			await soon('a beat', async ({ beats }) => (await beats(id)).length > 0);
			expect(first.to('http://proxied.test/').length).toBeGreaterThanOrEqual(2);

			await watched.change((leader) => leader.addProxy({ host: '127.0.0.1', port: portOf(second) }, proxy));

			for (const { nextBeat } of watched.replicas) await nextBeat(id);
			const before = first.requests.length;
			for (const { nextBeat } of watched.replicas) expect((await nextBeat(id)).status).toBe(1);
			await letBeat();
			expect(first.requests.length).toBe(before);
			expect(second.to('http://proxied.test/').length).toBeGreaterThanOrEqual(4);
			for (const { page } of watched.replicas) {
				expect(lastList(page, 'proxyList')).toEqual([
					expect.objectContaining({ id: proxy, port: portOf(second) }),
				]);
			}
			expect(await watched.troubles()).toEqual([]);
		} finally {
			await Promise.all([first.stop(), second.stop()]);
		}
	});

	test('a changed Docker host is asked at the next beat', async () => {
		let host = 0;
		await watched.change(async (leader) => {
			host = await leader.addDockerHost({ name: 'Dock', dockerDaemon: 'http://dock-one.test:2375' });
			const box = { ...WATCHED, type: 'docker', name: 'Box', docker_container: 'web', docker_host: host };
			await watched.hasten(await leader.addMonitor(box), 1);
		});
		await soon('the first host', ({ recorder }) => recorder.to('http://dock-one.test').length >= 2);

		await watched.change((leader) =>
			leader.addDockerHost({ name: 'Dock', dockerDaemon: 'http://dock-two.test:2375' }, host),
		);

		await soon('the other host', ({ recorder }) => recorder.to('http://dock-two.test').length >= 2);
		const before = watched.replicas.map(({ recorder }) => recorder.to('http://dock-one.test').length);
		await letBeat();
		expect(watched.replicas.map(({ recorder }) => recorder.to('http://dock-one.test').length)).toEqual(
			before,
		);
		for (const { page } of watched.replicas) {
			expect(lastList(page, 'dockerHostList')).toEqual([
				expect.objectContaining({ id: host, dockerDaemon: 'http://dock-two.test:2375' }),
			]);
		}
		expect(await watched.troubles()).toEqual([]);
	});

	// The pre-release has none.
	testOnReleases('a changed remote browser is connected to at the next beat', async () => {
		const [first, second] = await Promise.all([startHttpRecorder(), startHttpRecorder()]);
		const at = ({ url }: HttpRecorder) => url.replace('http:', 'ws:');
		try {
			let browser = 0;
			let id = 0;
			await watched.change(async (leader) => {
				const reply = await leader.call('addRemoteBrowser', { name: 'Chromium', url: at(first) }, null);
				browser = Number(reply.id);
				const page = { ...WATCHED, type: 'real-browser', name: 'Page', url: 'http://page.test/' };
				id = await leader.addMonitor({ ...page, remote_browser: browser });
				await watched.hasten(id, 1);
			});
			await soon('a beat', async ({ beats }) => (await beats(id)).length > 0);
			expect(first.requests.length).toBeGreaterThanOrEqual(2);

			await watched.change((leader) =>
				leader.call('addRemoteBrowser', { name: 'Chromium', url: at(second) }, browser),
			);

			for (const { nextBeat } of watched.replicas) await nextBeat(id);
			const before = first.requests.length;
			for (const { nextBeat } of watched.replicas) await nextBeat(id);
			expect(first.requests.length).toBe(before);
			expect(second.requests.length).toBeGreaterThanOrEqual(2);
			for (const { page } of watched.replicas) {
				expect(lastList(page, 'remoteBrowserList')).toEqual([
					expect.objectContaining({ id: browser, url: at(second) }),
				]);
			}
			expect(await watched.troubles()).toEqual([]);
		} finally {
			await Promise.all([first.stop(), second.stop()]);
		}
	});
});

function lastList(page: KumaClient, event: string): unknown {
	return page.takePushes().findLast((push) => push.event === event)?.values[0];
}
