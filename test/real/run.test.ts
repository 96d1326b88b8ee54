import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { listProcesses } from '../../src/kuma/processes/process-table.ts';
import type { Status } from '../../src/model/status.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { useReplicators } from '../kit/use-replicators.ts';
import { waitFor } from '../kit/wait-for.ts';

const TROUBLE = /\[REPLICATOR\] (WARN|ERROR):/;
const WAIT_MS = 60_000;

const prepare = useReplicators();

async function answers(url: string): Promise<boolean> {
	return (await fetch(url, { redirect: 'manual' })).status < 500;
}

/** @returns how many processes there are in the session of a Kuma. */
async function countInGroup(groupId: number): Promise<number> {
	return (await listProcesses())?.filter((entry) => entry.groupId === groupId).length ?? 0;
}

function kumaPid({ kuma }: Status): number {
	if (kuma.pid === null) throw new Error('Kuma does not run');
	return kuma.pid;
}

test("Kuma's database wizard waits for a person as long as it takes, and then the fleet's configuration comes", async () => {
	const leader = await prepare({ mode: 'BACKUP', hostname: 'leader' });
	const replica = await prepare({ database: 'wizard', hostname: 'replica' });

	await Promise.all([leader.start(), replica.start()]);
	const onLeader = await KumaClient.connect(leader.url);
	await onLeader.setup('admin', 'secret-12345');
	onLeader.close();
	await leader.waitForStatus('a snapshot', ({ newest }) => newest !== null);

	const waiting = await replica.waitForStatus('a cycle', ({ lastCycle }) => lastCycle !== null);
	expect(waiting.lastCycle?.summary).toBe(
		`Kuma's database is not set up yet: ${join(replica.dataDirectory, 'db-config.json')} does not exist yet.`,
	);
	expect(waiting).toMatchObject({
		lastError: null,
		lastCycle: { outcome: 'not-set-up', needsDecision: false },
	});
	const shown = await replica.run('status', '--json');
	expect(shown.exitCode).toBe(0);
	expect(JSON.parse(shown.stdout)).toMatchObject({ lastCycle: { outcome: 'not-set-up' } });

	const chosen = await fetch(`${replica.url}/setup-database`, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ dbConfig: { type: 'sqlite' } }),
	});
	expect(await chosen.json()).toEqual({ ok: true });

	const { kuma } = await replica.waitForStatus(
		'the snapshot and a Kuma that has taken it up',
		(status) => status.lastCycle?.outcome === 'applied' && status.kuma.state === 'running',
	);
	expect(kuma.restarts).toBe(0);
	// The wizard's own server is gone, and Kuma's is not there yet.
	await waitFor(() => answers(replica.url).catch(() => false), {
		timeoutMs: 60_000,
		what: 'Kuma behind its wizard',
	});
	const there = await KumaClient.connect(replica.url);
	await there.login('admin', 'secret-12345');
	there.close();
	expect(replica.log()).not.toMatch(TROUBLE);
});

test("Kuma's output passes through, signals reach it, and when it crashes it is started again, later each time", async () => {
	const replicator = await prepare();
	await replicator.start();
	const first = kumaPid(await replicator.status());
	// Newer releases write in colours.
	expect(replicator.log()).toMatch(/SERVER.{1,20}INFO:.{1,10}Listening on/);

	// Nothing in Kuma listens for this one, so that it ends Kuma if it arrives there.
	process.kill(replicator.pid, 'SIGUSR2');
	const second = await replicator.waitForStatus(
		'another Kuma',
		({ kuma }) => kuma.state === 'running' && kuma.pid !== first,
	);
	process.kill(kumaPid(second), 'SIGKILL');
	const third = await replicator.waitForStatus(
		'a third Kuma',
		({ kuma }) => kuma.state === 'running' && kuma.pid !== second.kuma.pid,
	);

	const crashes = replicator.log().match(/ERROR: Kuma ended by itself; it is started again.*/g) ?? [];
	expect(crashes).toHaveLength(2);
	expect(crashes[0]).toMatch(/ signal=SIGUSR2 .*nextStartInMs=1000/);
	expect(crashes[1]).toMatch(/ signal=SIGKILL .*nextStartInMs=2000/);
	expect(third.kuma.restarts).toBe(2);
	expect(await answers(replicator.url)).toBe(true);
});

test('a Kuma that a killed replicator-kuma has left behind goes on, and the next one takes it over', async () => {
	const replicator = await prepare();
	await replicator.start();
	const left = kumaPid(await replicator.status());

	await replicator.kill();

	expect(await answers(replicator.url)).toBe(true);
	expect((await replicator.run('status')).exitCode).toBe(4);

	await replicator.start();

	const { kuma } = await replicator.status();
	expect(kuma).toMatchObject({ pid: left, restarts: 0 });
	expect(replicator.log()).toMatch(
		new RegExp(`INFO: Took over the Kuma that an earlier run had left behind pid=${left}`),
	);
	expect(await answers(replicator.url)).toBe(true);
});

test('under dumb-init, SIGTERM stops Kuma in order and nothing is left', async () => {
	const replicator = await prepare({ wrapper: ['dumb-init'] });
	await replicator.start();
	const kuma = kumaPid(await replicator.status());

	expect(await replicator.stop()).toBe(0);

	expect(replicator.log()).toContain('Graceful shutdown successful!');
	expect(replicator.log()).toMatch(
		/\[REPLICATOR\] INFO: Stopping signal=SIGTERM[\s\S]*\[REPLICATOR\] INFO: Stopped/,
	);
	expect(await countInGroup(kuma)).toBe(0);
	await expect(fetch(replicator.url)).rejects.toThrow();
});

test('the exit code tells why it ended', async () => {
	const running = await prepare();
	await running.start();
	const end = async (parts: {
		environment?: Record<string, string>;
		command?: readonly string[];
	}): Promise<{ code: number | null; log: string }> => {
		const other = await prepare(parts);
		other.spawn();
		const code = await other.ended();
		return { code, log: other.log() };
	};

	const misused = await end({ environment: { REPLICATOR_MODE: 'LEADER' } });
	const taken = await end({ environment: { DATA_DIR: `${running.dataDirectory}/` } });
	const missing = await end({ command: ['no-such-program'] });

	expect(misused).toMatchObject({ code: 2, log: expect.stringContaining('REPLICATOR_MODE') });
	expect(taken).toMatchObject({ code: 4, log: expect.stringContaining(`process ${running.pid}`) });
	expect(missing).toMatchObject({ code: 5, log: expect.stringContaining('no-such-program') });
	expect(await answers(running.url)).toBe(true);
	expect(await running.stop()).toBe(0);
});

test.each(['BACKUP', 'RESTORE'] as const)(
	'%s stops in order while its repository takes connections and never answers',
	async (mode) => {
		let connectionCount = 0;
		const silent = createServer((socket) => {
			connectionCount += 1;
			socket.on('error', () => {});
		}).listen(0, '127.0.0.1');
		await once(silent, 'listening');
		const { port } = silent.address() as AddressInfo;
		onTestFinished(() => void silent.close());
		const replicator = await prepare({ mode, repository: `rest:http://127.0.0.1:${port}/` });
		await replicator.start();
		await waitFor(() => connectionCount > 0, { timeoutMs: WAIT_MS, what: 'a connection to the repository' });

		expect(await replicator.stop()).toBe(0);

		expect(replicator.log()).toContain('Graceful shutdown successful!');
		expect(replicator.log()).not.toMatch(/\[REPLICATOR\] ERROR:/);
	},
);

test('a stop while Kuma is starting leaves nothing behind', async () => {
	const replicator = await prepare();
	replicator.spawn();
	let pid: number | null = null;
	await waitFor(
		async () => {
			pid = await replicator.status().then(
				({ kuma }) => kuma.pid,
				() => null,
			);
			return pid !== null;
		},
		{ timeoutMs: WAIT_MS, what: 'the start of Kuma' },
	);

	expect(await replicator.stop()).toBe(0);

	expect(await countInGroup(Number(pid))).toBe(0);
});
