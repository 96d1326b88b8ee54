import { expect, onTestFinished, test } from 'vitest';
import { KumaClient } from '../kit/kuma-client.ts';
import { kumaRows } from '../kit/kuma-rows.ts';
import { LEGACY_PASSWORD, legacyRepository } from '../kit/legacy-repository.ts';
import { prepareReplicator, type Replicator } from '../kit/replicator.ts';

/** As the original leader of the fixtures was set up. */
const ADMIN = { username: 'admin', password: 'Adm1n-Passw0rd!' };
const MONITORS = 20;

async function prepare(repository: string, hostname: string): Promise<Replicator> {
	const replicator = await prepareReplicator({
		mode: 'RESTORE',
		repository,
		hostname,
		database: 'sqlite',
		environment: { RESTIC_PASSWORD: LEGACY_PASSWORD },
	});
	onTestFinished(() => replicator.discard());
	return replicator;
}

test('new replicas start as the original leader is, and go on without a restart when one of them is made the leader', async () => {
	const { location } = await legacyRepository('sqlite');
	const replica = await prepare(location, 'replica');
	const heir = await prepare(location, 'heir');

	await replica.start();
	await heir.start();
	const followed = await replica.waitForStatus('the original applied', ({ applied }) => applied !== null);
	await heir.waitForStatus('the original applied', ({ applied }) => applied !== null);
	const client = await KumaClient.connect(replica.url);
	const needsSetup = await client.needsSetup();
	await client.login(ADMIN.username, ADMIN.password);
	client.close();
	await heir.stop();
	heir.environment.REPLICATOR_MODE = 'BACKUP';
	await heir.start();
	// The original has lost a Docker host, and an older Kuma lacks columns: somebody has to say that this is known.
	const { heldRows } = await heir.waitForStatus('what is held', ({ lastCycle }) => lastCycle !== null);
	const names = heldRows.map(({ table, key }) => `${table}/${key}`);
	const led = await heir.run('backup', '--drop-held', ...names);
	replica.wake();
	const changedOver = await replica.waitForStatus(
		'the heir applied',
		({ applied }) => applied?.generation === 1,
	);

	expect(followed).toMatchObject({
		applied: { generation: 0 },
		lastCycle: { summary: expect.stringContaining('a817591c (of the original, from leader)') },
	});
	expect(needsSetup).toBe(false);
	expect(names).toContain('monitor/15');
	expect(led).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('(generation 1, from heir)') });
	expect(await kumaRows(replica.dataDirectory, 'monitor')).toHaveLength(MONITORS);
	expect(changedOver.kuma).toMatchObject({ restarts: 0, pid: followed.kuma.pid });
	expect(replica.log().match(/Following the original Replicator Kuma/g)).toHaveLength(1);
});
