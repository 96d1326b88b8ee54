import { readFile, rename, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { statePaths } from '../../src/instance/state-folder/data-directory.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { useReplicators } from '../kit/use-replicators.ts';
import { waitFor } from '../kit/wait-for.ts';

const WAIT_MS = 60_000;

const prepare = useReplicators();

async function isAnswering(url: string): Promise<boolean> {
	return fetch(url, { redirect: 'manual' }).then(
		({ status }) => status < 500,
		() => false,
	);
}

test('on a damaged state Kuma starts without being held, and goes on when replication comes back', async () => {
	const leader = await prepare({ mode: 'BACKUP', hostname: 'leader' });
	await leader.start();
	const client = await KumaClient.connect(leader.url);
	await client.setup('admin', 'secret-12345');
	client.close();
	await leader.waitForStatus('a snapshot', ({ applied }) => applied !== null);
	// Longer than a test may take: a Kuma that is held until this is over is not there in time.
	const replica = await prepare({ environment: { REPLICATOR_START_TIMEOUT: '600' } });
	await replica.start();
	await replica.waitForStatus('the snapshot', ({ applied }) => applied !== null);
	expect(await replica.stop()).toBe(0);
	const { stateFile } = statePaths(replica.dataDirectory);
	const good = await readFile(stateFile, 'utf8');
	await writeFile(stateFile, good.slice(0, 40));

	await replica.start();
	await waitFor(() => isAnswering(replica.url), { timeoutMs: WAIT_MS, what: 'Kuma' });
	const down = await replica.status();

	expect(down).toMatchObject({
		replication: { state: 'down', trouble: { code: 'state-corrupt' } },
		kuma: { state: 'running', restarts: 0, agent: { isConnected: true } },
	});
	expect(await readFile(stateFile, 'utf8')).toBe(good.slice(0, 40));
	await writeFile(stateFile, good);
	replica.wake();
	const back = await replica.waitForStatus('a good cycle', ({ lastSuccessAt }) => lastSuccessAt !== null);
	expect(back).toMatchObject({
		instanceId: JSON.parse(good).instanceId,
		kuma: { pid: down.kuma.pid, restarts: 0 },
	});
	expect(await replica.stop()).toBe(0);
});

test('where nothing can be written below replicator-kuma, Kuma has its agent all the same, and is taken over', async () => {
	const replicator = await prepare({ mode: 'BACKUP', hostname: 'alone' });
	const { root, stateFile } = statePaths(replicator.dataDirectory);
	await writeFile(root, 'in the way');

	await replicator.start();
	const down = await replicator.waitForStatus('the agent', ({ kuma }) => kuma.agent.isConnected);
	await replicator.kill();
	await replicator.start();
	const again = await replicator.waitForStatus('the agent', ({ kuma }) => kuma.agent.isConnected);

	expect(down).toMatchObject({ replication: { state: 'down', trouble: { code: 'file-access' } } });
	expect(again.kuma).toMatchObject({ pid: down.kuma.pid, restarts: 0 });
	expect(await isAnswering(replicator.url)).toBe(true);

	await rename(root, `${root}-of-somebody`);
	replicator.wake();
	await replicator.waitForStatus(
		'everything',
		({ lastCycle, troubles }) => lastCycle !== null && troubles.length === 0,
	);
	expect(JSON.parse(await readFile(stateFile, 'utf8'))).toHaveProperty('instanceId');
	expect(await replicator.stop()).toBe(0);
});

test('a Kuma that was left behind is found by its agent where its record is torn and the configuration broken', async () => {
	const replicator = await prepare({ mode: 'BACKUP', hostname: 'alone' });
	await replicator.start();
	const { kuma: left } = await replicator.waitForStatus('a cycle', ({ lastCycle }) => lastCycle !== null);
	await replicator.kill();
	await writeFile(statePaths(replicator.dataDirectory).kumaRecord, '{"pid":');
	replicator.environment.REPLICATOR_RETENTION = 'everything';

	await replicator.start();
	const status = await replicator.waitForStatus('down', ({ replication }) => replication.state === 'down');

	expect(status).toMatchObject({
		kuma: { pid: left.pid, state: 'running', restarts: 0 },
		replication: { trouble: { code: 'configuration-invalid' } },
	});
	expect(await isAnswering(replicator.url)).toBe(true);
	expect(await replicator.stop()).toBe(0);
	expect(await isAnswering(replicator.url)).toBe(false);
});
