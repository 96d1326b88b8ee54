import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ADMIN, type BeatingFleet, startBeatingFleet } from '../kit/beating-fleet.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { copyKuma } from '../kit/kuma-copy.ts';
import { type KumaInstallation, kumaInstallation } from '../kit/kuma-installation.ts';
import { prepareReplicator, type Replicator } from '../kit/replicator.ts';
import { waitFor } from '../kit/wait-for.ts';

const BLIND = /Kuma was blind while it restarted/g;
const BEATS_MS = 60_000;

/** One leader for all of these tests, each with a replica of another kind. */
let beating: BeatingFleet<never>;
let ids: number[];
let editCount = 0;
beforeAll(async () => {
	beating = await startBeatingFleet({ intervalSeconds: 5, replicas: {} });
	ids = await beating.setMonitors(5);
	await beating.fleet.publish();
});
afterAll(() => beating?.discard());

/** A replica with a Kuma of its own kind, which has applied its first snapshot. It ends with the running test. */
async function start(kuma: {
	readonly installation?: KumaInstallation;
	readonly command?: readonly string[];
}): Promise<Replicator> {
	const replica = await prepareReplicator({
		mode: 'RESTORE',
		repository: String(beating.fleet.leader.environment.RESTIC_REPOSITORY),
		database: 'sqlite',
		...kuma,
	});
	onTestFinished(() => replica.discard());
	await replica.start();
	await follow(replica);
	return replica;
}

/** Asks the replica to look, and waits until it has applied what the leader published last. */
async function follow(replica: Replicator): Promise<void> {
	const head = (await beating.fleet.leader.status()).newest?.id;
	replica.wake();
	await replica.waitForStatus(
		'the leader applied',
		({ applied, kuma, lastCycle }) =>
			applied?.id === head && lastCycle?.snapshotId === head && kuma.state === 'running',
	);
}

/** Changes three monitors, publishes that, and waits until the replica looks at their new targets. */
async function editMonitors(replica: Replicator): Promise<void> {
	const { fleet, rows, urlOf, hitsOf } = beating;
	editCount += 1;
	const edit = editCount;
	const edited = ids.slice(0, 3);
	await rows.update(edited.map((id) => ({ id, url: urlOf(id, edit) })));
	await fleet.publish();
	await follow(replica);
	await waitFor(() => edited.every((id) => hitsOf(id, edit).length > 0), {
		timeoutMs: BEATS_MS,
		what: 'the new targets are looked at',
	});
}

/** Does something on the leader as a person would, and waits until the replica has it. */
async function editAsAdmin(replica: Replicator, edit: (client: KumaClient) => Promise<unknown>) {
	const client = await KumaClient.connect(beating.fleet.leader.url);
	await client.login(ADMIN.username, ADMIN.password);
	await edit(client);
	client.close();
	await beating.fleet.publish();
	await follow(replica);
}

async function renamed(names: Readonly<Record<string, string>>): Promise<KumaInstallation> {
	const copy = await copyKuma(names);
	onTestFinished(() => copy.discard());
	return copy;
}

test('a Kuma without the agent is restarted once for any number of changes, and for how long is logged', async () => {
	const { node } = await kumaInstallation();
	const replica = await start({ command: ['env', '-u', 'NODE_OPTIONS', node, 'server/server.js'] });
	const before = await replica.status();
	expect(before.kuma.agent).toEqual({ isConnected: false, missing: {}, problems: [] });

	await editMonitors(replica);

	const after = await replica.status();
	expect(after.kuma.restarts).toBe(before.kuma.restarts + 1);
	expect(after.lastCycle?.summary).toContain('Kuma was restarted for it, because there is no agent in Kuma.');
	expect(replica.log().match(BLIND)).toHaveLength(after.kuma.restarts);
	const { stdout } = await replica.run('doctor');
	expect(stdout).toContain('There is no agent in Kuma');
	expect((await replica.run('status')).stdout).toContain('not connected: Kuma is restarted for every change');
});

test('a Kuma whose monitors cannot be reloaded starts once, is restarted for those alone, and says why', async () => {
	const replica = await start({ installation: await renamed({ startMonitors: 'beginMonitors' }) });
	const before = await replica.status();
	expect(before.kuma.agent).toEqual({
		isConnected: true,
		missing: { monitors: 'this Kuma has no startMonitors' },
		problems: [],
	});
	// What was applied at the gate needed no other start.
	expect(before.kuma.restarts).toBe(0);

	await editAsAdmin(replica, (client) => client.addStatusPage('Services', 'services'));
	expect((await replica.status()).kuma.restarts).toBe(0);
	await editMonitors(replica);

	const after = await replica.status();
	expect(after.kuma.restarts).toBe(1);
	expect(after.lastCycle?.summary).toContain('because this Kuma cannot reload monitors.');
	expect(replica.log().match(BLIND)).toHaveLength(1);
	expect((await replica.run('doctor')).stdout).toContain('monitors: this Kuma has no startMonitors');
	expect((await replica.run('status')).stdout).toContain(
		'it lacks monitors (this Kuma has no startMonitors)',
	);
});

test('a Kuma without a gate starts with what it has and takes everything up without a restart', async () => {
	const replica = await start({
		installation: await renamed({
			'static async patch(': 'static async migrate(',
			'Database.patch(': 'Database.migrate(',
		}),
	});
	const before = await replica.status();
	expect(Object.keys(before.kuma.agent.missing)).toEqual(['start gate', 'change events', 'beats']);

	await editMonitors(replica);

	expect((await replica.status()).kuma).toMatchObject({ pid: before.kuma.pid, restarts: 0 });
});

test('a Kuma whose maintenances cannot be reloaded is restarted for those alone', async () => {
	const replica = await start({ installation: await renamed({ maintenanceList: 'listOfMaintenances' }) });
	expect((await replica.status()).kuma.agent.missing).toEqual({
		maintenances: 'this Kuma has no maintenanceList',
	});

	await editMonitors(replica);
	expect((await replica.status()).kuma.restarts).toBe(0);
	await editAsAdmin(replica, (client) => client.addMaintenance({ title: 'Works' }));

	const { kuma, lastCycle } = await replica.status();
	expect(kuma.restarts).toBe(1);
	expect(lastCycle?.summary).toContain('because this Kuma cannot reload maintenances.');
});
