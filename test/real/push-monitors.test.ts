import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATABASE_KINDS } from '../kit/database-kinds.ts';
import { type Fleet, prepareFleet } from '../kit/fleet.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { kumaRows } from '../kit/kuma-rows.ts';
import type { Replicator } from '../kit/replicator.ts';
import { useMariadb } from '../kit/use-mariadb.ts';

const TITLE = 'Backup job';

/** Each goes on from where the one before has left it. */
describe('a push monitor, whose address is called on one instance only', () => {
	const mariadb = useMariadb();
	let fleet: Fleet<'pausing' | 'running'>;
	let client: KumaClient;
	let id: number;
	let token: string;

	beforeAll(async () => {
		fleet = await prepareFleet({
			leader: { database: 'sqlite' },
			replicas: {
				pausing: { mode: 'RESTORE', database: 'sqlite' },
				running: {
					mode: 'RESTORE',
					database: DATABASE_KINDS.includes('mariadb') ? await mariadb.createDatabase('replica') : 'sqlite',
					environment: { REPLICATOR_PUSH_MONITORS: 'run' },
				},
			},
		});
		await fleet.leader.start();
		client = await KumaClient.connect(fleet.leader.url);
		await client.setup('admin', 'secret-12345');
		await fleet.leader.waitForStatus('a snapshot with the first user', ({ newest }) => newest !== null);
		await Promise.all(Object.values(fleet.replicas).map((replica) => replica.start()));
		await fleet.follow();
	});
	afterAll(async () => {
		client?.close();
		await fleet?.discard();
	});

	/** Calls the monitor's address as the job does. */
	async function push({ url }: Replicator): Promise<number> {
		const response = await fetch(`${url}/api/push/${token}?status=up&msg=OK`);
		await response.body?.cancel();
		return response.status;
	}

	async function isActive({ dataDirectory }: Replicator): Promise<boolean> {
		const row = (await kumaRows(dataDirectory, 'monitor')).find((each) => each.id === id);
		return Number(row?.active) === 1;
	}

	test('is paused on a replica and named, unless the replica is told to run it', async () => {
		id = await client.addMonitor({ type: 'push', name: TITLE, interval: 3600 });
		token = String((await client.monitor(id)).pushToken);
		await fleet.publish();

		const [pausing, running] = await fleet.follow();

		const { replicas, leader } = fleet;
		expect(pausing?.remarks).toEqual([
			expect.objectContaining({ kind: 'push-paused', title: TITLE, key: String(id) }),
		]);
		expect(running?.remarks).toEqual([]);
		expect(await isActive(replicas.pausing)).toBe(false);
		expect(await push(replicas.pausing)).toBe(404);
		expect(await push(replicas.running)).toBe(200);
		expect(await push(leader)).toBe(200);
		for (const status of [pausing, running]) expect(status?.kuma.restarts).toBe(0);
	});

	test('that pause is no drift: nothing is applied again, and diff shows nothing', async () => {
		const { pausing } = fleet.replicas;

		expect((await pausing.run('restore')).exitCode).toBe(0);

		const status = await pausing.status();
		expect(status.lastCycle?.outcome).toBe('unchanged');
		expect(status.remarks).toHaveLength(1);
		expect((await pausing.run('diff')).exitCode).toBe(0);
	});

	test('edits of it arrive, and it stays paused', async () => {
		await client.editMonitor(id, { name: `${TITLE} 2`, interval: 7200 });
		await fleet.publish();

		const [pausing] = await fleet.follow();

		const [row] = await kumaRows(fleet.replicas.pausing.dataDirectory, 'monitor');
		expect(row).toMatchObject({ name: `${TITLE} 2`, interval: 7200 });
		expect(pausing?.remarks).toEqual([expect.objectContaining({ title: `${TITLE} 2` })]);
		expect(await push(fleet.replicas.pausing)).toBe(404);
		expect(await push(fleet.replicas.running)).toBe(200);
	});

	test('runs where an instance is made the leader, and the pause is published to nobody', async () => {
		const { leader, replicas } = fleet;
		client.close();
		await leader.stop();
		await replicas.pausing.stop();
		replicas.pausing.environment.REPLICATOR_MODE = 'BACKUP';
		const before = (await replicas.running.status()).newest;

		await replicas.pausing.start();

		const promoted = await replicas.pausing.waitForStatus(
			'its first cycle as the leader',
			({ lastCycle }) => lastCycle?.outcome === 'unchanged',
		);
		expect(promoted.remarks).toEqual([]);
		expect(promoted.newest?.digest).toBe(before?.digest);
		expect(await isActive(replicas.pausing)).toBe(true);
		expect(await push(replicas.pausing)).toBe(200);
	});

	test('is paused on the former leader, which follows now', async () => {
		const { leader } = fleet;
		leader.environment.REPLICATOR_MODE = 'RESTORE';

		await leader.start();

		const { remarks } = await leader.waitForStatus(
			'its first cycle as a replica',
			({ lastCycle, kuma }) => lastCycle !== null && kuma.state === 'running',
		);
		expect(remarks).toEqual([expect.objectContaining({ kind: 'push-paused' })]);
		expect(await push(leader)).toBe(404);
	});
});
