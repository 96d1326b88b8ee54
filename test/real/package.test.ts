import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type InstalledPackage, installPackage } from '../kit/installed-package.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { prepareReplicator, type Replicator, type ReplicatorOptions } from '../kit/replicator.ts';

let installed: InstalledPackage;
let repository: string;
const prepared: Replicator[] = [];

beforeAll(async () => {
	[installed, repository] = await Promise.all([
		installPackage(),
		mkdtemp(join(tmpdir(), 'replicator-kuma-repository-')),
	]);
});
afterAll(async () => {
	await Promise.all(prepared.map((replicator) => replicator.discard()));
	await installed?.discard();
	await rm(repository, { recursive: true, force: true });
});

async function prepare(mode: ReplicatorOptions['mode']): Promise<Replicator> {
	const replicator = await prepareReplicator({
		mode,
		database: 'sqlite',
		repository,
		program: [installed.program],
		// The command finds its Node on the PATH, as npm's commands do; Kuma is started with one of its own.
		environment: { PATH: installed.path },
	});
	prepared.push(replicator);
	return replicator;
}

test('the installed package lets a leader and a replica run, an edit arrives, and doctor is content on both', async () => {
	const [leader, replica] = await Promise.all([prepare('BACKUP'), prepare('RESTORE')]);
	await Promise.all([leader.start(), replica.start()]);
	const onLeader = await KumaClient.connect(leader.url);
	await onLeader.setup('admin', 'secret-12345');
	await onLeader.addMonitor({ type: 'http', name: 'Installed', url: `${leader.url}/`, active: false });
	onLeader.close();

	const published = await leader.run('backup');
	const applied = await replica.run('restore');

	expect([published.exitCode, applied.exitCode]).toEqual([0, 0]);
	const onReplica = await KumaClient.connect(replica.url);
	await onReplica.login('admin', 'secret-12345');
	expect(Array.from((await onReplica.monitorList()).values(), ({ name }) => name)).toEqual(['Installed']);
	onReplica.close();
	const doctors = [await leader.run('doctor'), await replica.run('doctor')];
	for (const { exitCode, stdout } of doctors) {
		expect(stdout).not.toContain('PROBLEM');
		expect(stdout).toContain('agent: Kuma takes changes up without a restart');
		expect(exitCode).toBe(0);
	}
});
