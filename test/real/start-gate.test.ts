import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ADMIN, type BeatingFleet, startBeatingFleet } from '../kit/beating-fleet.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { kumaRows } from '../kit/kuma-rows.ts';
import { prepareReplicator, type Replicator, type ReplicatorOptions } from '../kit/replicator.ts';
import { type RestServer, restServer } from '../kit/rest-server.ts';
import { waitFor } from '../kit/wait-for.ts';

const MONITORS = 200;
const SOON_MS = 60_000;
/** What stands between a start and its first beat on a busy machine, beside the gate. */
const START_MS = 60_000;

/** One leader for all of these tests, whose replicas start in all the ways there are. */
describe('the start of Kuma', () => {
	let beating: BeatingFleet<'replica'>;
	let ids: number[];

	beforeAll(async () => {
		beating = await startBeatingFleet({ intervalSeconds: 5, replicas: { replica: { database: 'sqlite' } } });
		const client = await KumaClient.connect(beating.fleet.leader.url);
		await client.login(ADMIN.username, ADMIN.password);
		await client.addNotification({
			type: 'webhook',
			name: 'Hook',
			webhookURL: `${beating.target.url}hook`,
			webhookContentType: 'json',
			isDefault: true,
		});
		client.close();
		ids = await beating.setMonitors(MONITORS);
		await beating.fleet.publish();
	});

	afterAll(async () => {
		await beating?.discard();
	});

	/** @returns what the very first visitor of a starting Kuma is told. */
	async function firstAnswer({ url }: Replicator): Promise<{ needsSetup: boolean }> {
		let client: KumaClient | undefined;
		const isThere = async () => {
			client = await KumaClient.connect(url).catch(() => undefined);
			return client !== undefined;
		};
		await waitFor(isThere, { timeoutMs: START_MS, what: `Kuma on ${url}` });
		if (client === undefined) throw new Error('there is no client');
		const needsSetup = await client.needsSetup();
		client.close();
		return { needsSetup };
	}

	async function prepare(options: Partial<ReplicatorOptions>): Promise<Replicator> {
		const replicator = await prepareReplicator({
			mode: 'RESTORE',
			repository: String(beating.fleet.leader.environment.RESTIC_REPOSITORY),
			database: 'sqlite',
			...options,
		});
		onTestFinished(() => replicator.discard());
		return replicator;
	}

	const activeIds = async ({ dataDirectory }: Replicator) =>
		(await kumaRows(dataDirectory, 'monitor')).map(({ id }) => Number(id));

	test('a fresh replica starts once, with the users and monitors of the fleet, and asks nobody to set it up', async () => {
		const { replica } = beating.fleet.replicas;

		replica.spawn();
		const { needsSetup } = await firstAnswer(replica);

		expect(needsSetup).toBe(false);
		expect(await activeIds(replica)).toEqual(expect.arrayContaining(ids));
		const { kuma } = await replica.waitForStatus(
			'a running Kuma',
			(status) => status.kuma.state === 'running',
		);
		expect(kuma.restarts).toBe(0);
		await waitFor(() => ids.slice(0, 3).every((id) => beating.hitsOf(id, 0).length > 0), {
			timeoutMs: SOON_MS,
			what: 'the first beats',
		});
	});

	test('a replica that was down while everything changed beats and alerts as it is now, from the first beat on', async () => {
		const { fleet, rows, target, hitsOf, urlOf } = beating;
		const { replica } = fleet.replicas;
		await replica.stop();
		for (const id of ids) target.failing.add(new URL(urlOf(id, 0)).pathname);
		await rows.update(ids.map((id) => ({ id, url: urlOf(id, 1) })));
		await fleet.publish();
		const hitsBefore = target.hits.length;

		replica.spawn();
		const { needsSetup } = await firstAnswer(replica);
		const beatingNow = () => ids.filter((id) => hitsOf(id, 1).length > 0).length;
		await waitFor(() => beatingNow() >= 10, { timeoutMs: SOON_MS, what: 'ten monitors beat' });

		expect(needsSetup).toBe(false);
		const since = target.hits.slice(hitsBefore).map(({ path }) => path);
		expect(since.filter((path) => !path.endsWith('/1'))).toEqual([]);
		expect((await replica.status()).kuma.restarts).toBe(0);
		expect((await kumaRows(replica.dataDirectory, 'heartbeat')).filter(({ status }) => status !== 1)).toEqual(
			[],
		);
	});

	test('a fresh leader takes what its fleet has before anybody can set it up, and starts once', async () => {
		const leader = await prepare({ mode: 'BACKUP', hostname: 'successor' });

		leader.spawn();
		const { needsSetup } = await firstAnswer(leader);

		expect(needsSetup).toBe(false);
		expect(await activeIds(leader)).toEqual(expect.arrayContaining(ids));
		const { kuma } = await leader.waitForStatus(
			'a running Kuma',
			(status) => status.kuma.state === 'running',
		);
		expect(kuma.restarts).toBe(0);
		expect(await leader.stop()).toBe(0);
	});

	/** A way to the fleet's repository that is closed until it is opened. */
	async function closedRepository(close: RestServer['intercept']): Promise<RestServer> {
		const server = await restServer({
			directory: String(beating.fleet.leader.environment.RESTIC_REPOSITORY),
		});
		server.intercept = close;
		return server;
	}

	/** Requests that wait for an answer. */
	const waiting: { destroy(): unknown }[] = [];
	const CLOSED: Readonly<
		Record<string, { intercept: RestServer['intercept']; bound: string; heldMs: number }>
	> = {
		refuses: {
			intercept: (_request, response) => {
				response.writeHead(403).end();
				return true;
			},
			bound: '600',
			heldMs: 0,
		},
		'never answers': {
			intercept: (_request, response) => waiting.push(response) > 0,
			bound: '4',
			heldMs: 4_000,
		},
	};

	test.each(Object.keys(CLOSED))(
		'where the repository %s, Kuma starts with what it has, and takes the first user up later without a restart',
		async (how) => {
			const closed = CLOSED[how];
			if (closed === undefined) throw new Error(how);
			const server = await closedRepository(closed.intercept);
			const replica = await prepare({
				repository: server.location,
				intervalSeconds: 5,
				environment: { REPLICATOR_START_TIMEOUT: closed.bound },
			});
			const startedAtMs = performance.now();

			replica.spawn();
			expect(await firstAnswer(replica)).toEqual({ needsSetup: true });
			expect(performance.now() - startedAtMs).toBeGreaterThan(closed.heldMs);
			const visitor = await KumaClient.connect(replica.url);
			const refreshed = visitor.next('refresh', SOON_MS * 2);
			server.intercept = () => false;
			for (const response of waiting.splice(0)) response.destroy();
			const { kuma } = await replica.waitForStatus('the snapshot', ({ applied }) => applied !== null);

			await refreshed;
			expect(await visitor.needsSetup()).toBe(false);
			visitor.close();
			const again = await KumaClient.connect(replica.url);
			await again.login(ADMIN.username, ADMIN.password);
			again.close();
			await waitFor(() => ids.slice(0, 3).every((id) => beating.hitsOf(id, 1).length > 0), {
				timeoutMs: SOON_MS,
				what: 'the first beats',
			});
			expect((await replica.status()).kuma).toMatchObject({ pid: kuma.pid, restarts: 0 });
		},
	);
});
