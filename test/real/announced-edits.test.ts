import { expect, onTestFinished, test } from 'vitest';
import { prepareFleet } from '../kit/fleet.ts';
import { freePort } from '../kit/free-port.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { kumaRows } from '../kit/kuma-rows.ts';
import { restServer } from '../kit/rest-server.ts';
import { waitFor } from '../kit/wait-for.ts';
import { makeWeakRepository } from '../kit/weak-repository.ts';

const TOKEN = 'a-token-for-tests-0123456789';
const ARRIVED_MS = 90_000;

test('a monitor that was paused and resumed while the storage was away beats on the replica', async () => {
	const server = await restServer();
	await makeWeakRepository(server.directory);
	const port = await freePort();
	const fleet = await prepareFleet({
		repository: server.location,
		leader: {
			database: 'sqlite',
			environment: { REPLICATOR_LISTEN: String(port), REPLICATOR_TOKEN: TOKEN },
		},
		replicas: {
			replica: {
				mode: 'RESTORE',
				database: 'sqlite',
				environment: { REPLICATOR_LEADER_URL: `http://127.0.0.1:${port}`, REPLICATOR_TOKEN: TOKEN },
			},
		},
	});
	onTestFinished(() => fleet.discard());
	const { leader } = fleet;
	const { replica } = fleet.replicas;
	const monitor = async () => (await kumaRows(replica.dataDirectory, 'monitor'))[0];
	const beatCount = async () => (await kumaRows(replica.dataDirectory, 'heartbeat')).length;
	const arrives = (column: string, value: unknown) =>
		waitFor(async () => String((await monitor())?.[column]) === String(value), {
			timeoutMs: ARRIVED_MS,
			what: `${column} ${value} on the replica`,
		});
	const isOnRecord = () =>
		replica.waitForStatus(
			'the newest snapshot of the repository is applied',
			({ applied, newest, lagMs }) => applied?.id != null && applied.id === newest?.id && lagMs === 0,
		);
	await leader.start();
	const client = await KumaClient.connect(leader.url);
	onTestFinished(() => client.close());
	await client.setup('admin', 'secret-12345');
	const id = await client.addMonitor({ name: 'Shop', url: 'http://127.0.0.1:9/', interval: 20 });
	await leader.waitForStatus('a snapshot with the first user', ({ newest }) => newest !== null);
	await replica.start();
	await replica.waitForStatus('the leader is heard', ({ leader: heard }) => heard?.isConnected === true);
	await arrives('name', 'Shop');
	await isOnRecord();

	server.intercept = (_request, response) => {
		response.destroy();
		return true;
	};
	await client.call('pauseMonitor', id);
	await arrives('active', 0);
	await replica.waitForStatus(
		'it is ahead of the repository, and says since when',
		({ applied }) => applied?.id === null && applied.since !== null,
	);
	const beats = await beatCount();
	await client.call('resumeMonitor', id);
	await arrives('active', 1);
	server.intercept = () => false;
	for (const member of [leader, replica]) member.wake();
	await isOnRecord();

	await waitFor(async () => (await beatCount()) > beats, {
		timeoutMs: ARRIVED_MS,
		what: 'a beat of the resumed monitor',
	});
	const { kuma, lastError } = await replica.status();
	expect([kuma.restarts, lastError]).toEqual([0, null]);
});
