import { afterEach, expect, onTestFinished, test } from 'vitest';
import { ADMIN, type BeatingFleet, startBeatingFleet } from '../kit/beating-fleet.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { copyKuma } from '../kit/kuma-copy.ts';
import { type KumaInstallation, kumaInstallation } from '../kit/kuma-installation.ts';
import { waitFor } from '../kit/wait-for.ts';

const BLIND = /Kuma was blind while it restarted/g;
const BEATS_MS = 60_000;

let beating: BeatingFleet<'replica'> | undefined;
afterEach(async () => {
	await beating?.discard();
	beating = undefined;
});

/** A fleet whose replica runs a Kuma of its own kind, which has applied its first snapshot. */
async function start(replica: {
	readonly installation?: KumaInstallation;
	readonly command?: readonly string[];
}): Promise<BeatingFleet<'replica'> & { readonly ids: number[] }> {
	const made = await startBeatingFleet({
		intervalSeconds: 5,
		replicas: { replica: { database: 'sqlite', ...replica } },
	});
	beating = made;
	const ids = await made.setMonitors(5);
	await made.fleet.publish();
	await made.fleet.replicas.replica.start();
	await made.fleet.follow();
	return { ...made, ids };
}

/** Changes three monitors, publishes that, and waits until all of them look at their new targets. */
async function editMonitors({ fleet, rows, ids, urlOf, hitsOf }: Awaited<ReturnType<typeof start>>) {
	const edited = ids.slice(0, 3);
	await rows.update(edited.map((id) => ({ id, url: urlOf(id, 1) })));
	await fleet.publish();
	await fleet.follow();
	await waitFor(() => edited.every((id) => hitsOf(id, 1).length > 0), {
		timeoutMs: BEATS_MS,
		what: 'the new targets are looked at',
	});
}

async function editStatusPage({ fleet }: BeatingFleet<'replica'>) {
	const client = await KumaClient.connect(fleet.leader.url);
	await client.login(ADMIN.username, ADMIN.password);
	await client.addStatusPage('Services', 'services');
	client.close();
	await fleet.publish();
	await fleet.follow();
}

async function renamed(names: Readonly<Record<string, string>>): Promise<KumaInstallation> {
	const copy = await copyKuma(names);
	onTestFinished(() => copy.discard());
	return copy;
}

test('a Kuma without the agent is restarted once for any number of changes, and for how long is logged', async () => {
	const { node } = await kumaInstallation();
	const fleet = await start({ command: ['env', '-u', 'NODE_OPTIONS', node, 'server/server.js'] });
	const { replica } = fleet.fleet.replicas;
	const before = await replica.status();
	expect(before.kuma.agent).toEqual({ isConnected: false, missing: {} });

	await editMonitors(fleet);

	const after = await replica.status();
	expect(after.kuma.restarts).toBe(before.kuma.restarts + 1);
	expect(after.lastCycle?.summary).toContain('Kuma was restarted for it, because there is no agent in Kuma.');
	expect(replica.log().match(BLIND)).toHaveLength(after.kuma.restarts);
	const { stdout } = await replica.run('doctor');
	expect(stdout).toContain('There is no agent in Kuma');
	expect((await replica.run('status')).stdout).toContain('not connected: Kuma is restarted for every change');
});

test('a Kuma whose monitors cannot be reloaded starts once, is restarted for those alone, and says why', async () => {
	const fleet = await start({ installation: await renamed({ startMonitors: 'beginMonitors' }) });
	const { replica } = fleet.fleet.replicas;
	const before = await replica.status();
	expect(before.kuma.agent).toEqual({
		isConnected: true,
		missing: { monitors: 'this Kuma has no startMonitors' },
	});
	// What was applied at the gate needed no other start.
	expect(before.kuma.restarts).toBe(0);

	await editStatusPage(fleet);
	expect((await replica.status()).kuma.restarts).toBe(0);
	await editMonitors(fleet);

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
	const fleet = await start({
		installation: await renamed({
			'static async patch(': 'static async migrate(',
			'Database.patch(': 'Database.migrate(',
		}),
	});
	const { replica } = fleet.fleet.replicas;
	const before = await replica.status();
	expect(Object.keys(before.kuma.agent.missing)).toEqual(['start gate', 'change events']);

	await editMonitors(fleet);

	expect((await replica.status()).kuma).toMatchObject({ pid: before.kuma.pid, restarts: 0 });
});

test('a Kuma whose maintenances cannot be reloaded is restarted for those alone', async () => {
	const fleet = await start({ installation: await renamed({ maintenanceList: 'listOfMaintenances' }) });
	const { replica } = fleet.fleet.replicas;
	expect((await replica.status()).kuma.agent.missing).toEqual({
		maintenances: 'this Kuma has no maintenanceList',
	});

	await editMonitors(fleet);
	expect((await replica.status()).kuma.restarts).toBe(0);
	const client = await KumaClient.connect(fleet.fleet.leader.url);
	await client.login(ADMIN.username, ADMIN.password);
	await client.addMaintenance({ title: 'Works' });
	client.close();
	await fleet.fleet.publish();
	await fleet.fleet.follow();

	const { kuma, lastCycle } = await replica.status();
	expect(kuma.restarts).toBe(1);
	expect(lastCycle?.summary).toContain('because this Kuma cannot reload maintenances.');
});
