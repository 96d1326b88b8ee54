import { afterAll, beforeAll, expect, test } from 'vitest';
import { type InstalledPackage, installPackage } from '../kit/installed-package.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { useReplicators } from '../kit/use-replicators.ts';

const prepare = useReplicators();

let installed: InstalledPackage;
beforeAll(async () => {
	installed = await installPackage();
});
afterAll(() => installed?.discard());

test('the installed package lets a leader and a replica run, an edit arrives, and doctor is content on both', async () => {
	// The command finds its Node on the PATH, as npm's commands do; Kuma is started with one of its own.
	const shipped = { program: [installed.program], environment: { PATH: installed.path } };
	const [leader, replica] = await Promise.all([prepare({ mode: 'BACKUP', ...shipped }), prepare(shipped)]);
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
