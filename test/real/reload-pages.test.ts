import { once } from 'node:events';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BLUE_PNG, RED_PNG } from '../kit/populate-kuma.ts';
import type { Replicator } from '../kit/replicator.ts';
import { startWatchedFleet, type WatchedFleet } from '../kit/watched-fleet.ts';

/** Each goes on from where the one before has left it; nothing restarts Kuma in between. */
describe('status pages change in a running replica, before anything that Kuma keeps of them is over', () => {
	let watched: WatchedFleet;
	let monitor: number;

	beforeAll(async () => {
		watched = await startWatchedFleet({
			prepare: async (leader) => {
				monitor = await leader.addMonitor({ name: 'Shop', url: 'http://shop.test/', interval: 3600 });
				await leader.addStatusPage('Our services', 'services');
				await leader.saveStatusPage('services', {}, { image: `data:image/png;base64,${RED_PNG}` });
			},
		});
	});
	afterAll(async () => watched?.discard());

	/** What anybody sees of a page, as JSON. */
	async function seen({ url }: Replicator, slug: string): Promise<{ status: number; json: string }> {
		const response = await fetch(`${url}/api/status-page/${slug}`);
		return { status: response.status, json: await response.text() };
	}

	/** As a browser gets it; 2.0.0-dev.0 never answers who asks for the JSON of a page that is not there. */
	async function statusOf({ url }: Replicator, slug: string): Promise<number> {
		const response = await fetch(`${url}/status/${slug}`);
		await response.body?.cancel();
		return response.status;
	}

	/** Looks at a page on every replica, which makes Kuma keep it for minutes. */
	async function expectSeen(slug: string, expected: { with?: string[]; without?: string[] }) {
		for (const { replicator, name } of watched.replicas) {
			const { status, json } = await seen(replicator, slug);
			expect(status, name).toBe(200);
			for (const part of expected.with ?? []) expect(json, name).toContain(part);
			for (const part of expected.without ?? []) expect(json, name).not.toContain(part);
		}
	}

	test('a changed title, a published group and its monitor are shown', async () => {
		await expectSeen('services', { with: ['Our services'], without: ['Web', 'Shop'] });
		for (const { page } of watched.replicas) page.takePushes();

		await watched.change((leader) =>
			leader.saveStatusPage(
				'services',
				{ title: 'All services' },
				{ groups: [{ name: 'Web', monitorList: [{ id: monitor }] }] },
			),
		);

		await expectSeen('services', { with: ['All services', 'Web', 'Shop'], without: ['Our services'] });
		for (const { page } of watched.replicas) {
			const lists = page.takePushes().filter(({ event }) => event === 'statusPageList');
			expect(JSON.stringify(lists.at(-1)?.values[0])).toContain('All services');
		}
		expect(await watched.troubles()).toEqual([]);
	});

	test('an incident is shown as soon as it is posted, and no longer when it is over', async () => {
		await watched.change((leader) =>
			leader.addIncident('services', { title: 'Slow disk', content: 'We look into it.' }),
		);
		await expectSeen('services', { with: ['Slow disk'] });

		await watched.change((leader) => leader.call('unpinIncident', 'services'));
		await expectSeen('services', { without: ['Slow disk'] });
		expect(await watched.troubles()).toEqual([]);
	});

	test('a replaced image is served', async () => {
		const images = () =>
			Promise.all(
				watched.replicas.map(async ({ replicator }) => {
					const { json } = await seen(replicator, 'services');
					const { config } = JSON.parse(json) as { config: { icon: string } };
					const image = await fetch(`${replicator.url}${config.icon}`);
					return Buffer.from(await image.arrayBuffer()).toString('base64');
				}),
			);
		expect(await images()).toEqual([RED_PNG, RED_PNG]);

		await watched.change((leader) =>
			leader.saveStatusPage('services', {}, { image: `data:image/png;base64,${BLUE_PNG}` }),
		);

		expect(await images()).toEqual([BLUE_PNG, BLUE_PNG]);
		expect(await watched.troubles()).toEqual([]);
	});

	test('a new domain shows its page, and a removed one no longer', async () => {
		const domain = 'status.example.org';
		await watched.change((leader) => leader.saveStatusPage('services', { domainNameList: [domain] }));
		for (const { replicator } of watched.replicas)
			expect(await ask(replicator, domain)).toMatchObject({
				status: 200,
				body: expect.stringContaining('All services'),
			});

		await watched.change((leader) => leader.saveStatusPage('services', { domainNameList: [] }));
		for (const { replicator } of watched.replicas)
			expect(await ask(replicator, domain)).toMatchObject({ status: 302, location: '/dashboard' });
		expect(await watched.troubles()).toEqual([]);
	});

	test('a renamed page answers under its new name only, and stays the entry page of a replica', async () => {
		for (const { page } of watched.replicas) {
			const { data } = await page.call('getSettings');
			await page.call('setSettings', { ...(data as object), entryPage: 'statusPage-services' }, '');
		}
		await expectSeen('services', {});
		for (const { replicator } of watched.replicas)
			expect(await ask(replicator)).toMatchObject({ status: 302, location: '/status/services' });

		await watched.change((leader) => leader.saveStatusPage('services', { slug: 'renamed' }));

		await expectSeen('renamed', { with: ['All services'] });
		for (const { replicator } of watched.replicas) {
			expect(await statusOf(replicator, 'services')).toBe(404);
			expect(await ask(replicator)).toMatchObject({ status: 302, location: '/status/renamed' });
		}
		expect(await watched.troubles()).toEqual([]);
	});

	test('a deleted page is gone, and its replica shows its dashboard instead', async () => {
		await watched.change((leader) => leader.deleteStatusPage('renamed'));

		for (const { replicator } of watched.replicas) {
			expect(await statusOf(replicator, 'renamed')).toBe(404);
			expect(await ask(replicator)).toMatchObject({ status: 302, location: '/dashboard' });
		}
		expect(await watched.troubles()).toEqual([]);
	});
});

/** Asks for the entry page, as a browser does that got here by another name. */
async function ask({ url }: Replicator, host?: string) {
	const request = get(url, host === undefined ? {} : { headers: { host } });
	const [response] = await once(request, 'response');
	return {
		status: response.statusCode as number,
		location: response.headers.location as string | undefined,
		body: await text(response),
	};
}
