import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { serveAgent } from '../../src/agent/serve.ts';
import {
	AGENT_LINE_BYTES_MAX,
	AGENT_PROTOCOL,
	type AgentAnswer,
	type AgentChanges,
	type AgentPhase,
	type AgentRequest,
	CAPABILITIES,
	type Capabilities,
} from '../../src/model/agent-protocol.ts';
import { NO_BEATS_YET } from '../../src/model/beat-watch.ts';
import type { ReloadedPlan } from '../../src/model/reload.ts';
import { ReplicatorError } from '../../src/model/replicator-error.ts';
import { AgentLink } from '../../src/reload/agent-link.ts';
import { createHotReload } from '../../src/reload/hot-reload.ts';
import { fleetMember } from '../kit/fleet-member.ts';
import { memoryRepository } from '../kit/memory-repository.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { SILENT_LOG } from '../kit/test-instance.ts';
import { waitFor } from '../kit/wait-for.ts';

const SOON_MS = 10_000;
const EVERYTHING = Object.fromEntries(CAPABILITIES.map((name) => [name, true])) as Capabilities;
const PLAN: ReloadedPlan = {
	changes: [{ table: 'monitor', key: [7], title: 'Seven', kind: 'changed', columns: [] }],
	settings: [],
	touchedMonitors: { retagged: [], relinked: [] },
	before: { monitors: 1, users: 1 },
	timezone: 'Europe/Berlin',
};

/** The agent's own server, as it runs inside of Kuma, around a Kuma that only notes what is asked of it. */
async function serve(kuma: {
	readonly phase?: AgentPhase;
	readonly capabilities?: Capabilities;
	readonly onReload?: (changes: AgentChanges) => Promise<unknown>;
	readonly onRelease?: (timezone: string | null) => void;
	/** Its process; another one after each restart. */
	readonly pid?: () => number;
}) {
	const directory = await temporaryDirectory('agent');
	const path = join(directory, 'agent.sock');
	const asked: AgentRequest['method'][] = [];
	const gone: object[] = [];
	const server = serveAgent(path, {
		onRequest: async (_client, request) => {
			asked.push(request.method);
			if (request.method === 'reload') return kuma.onReload?.(request.changes) ?? reloaded(false);
			if (request.method === 'release') kuma.onRelease?.(request.timezone);
			if (request.method !== 'hello') return null;
			return {
				protocol: AGENT_PROTOCOL,
				productVersion: '0.0.0',
				kumaVersion: '2.5.3',
				pid: kuma.pid?.() ?? process.pid,
				fingerprint: 'it',
				phase: kuma.phase ?? 'running',
				capabilities: kuma.capabilities ?? EVERYTHING,
				problems: [],
				beats: NO_BEATS_YET,
			};
		},
		onUnreachable: () => undefined,
		onClosed: (client) => gone.push(client),
	});
	await waitFor(
		() =>
			stat(path).then(
				() => true,
				() => false,
			),
		{ timeoutMs: SOON_MS, what: 'the socket' },
	);
	return { path, server, asked, gone };
}

const reloaded = (isStarting: boolean) => ({
	isStarting,
	started: 1,
	stopped: 1,
	problems: [],
	durationMs: 1,
});

/** A client with its reload, and a Kuma that is restarted in no time. */
async function link(
	path: string,
	{
		isLeader = false,
		onRestart = async () => {},
	}: { isLeader?: boolean; onRestart?: () => Promise<void> } = {},
) {
	const sockets: Socket[] = [];
	const restarts: string[] = [];
	const agent = new AgentLink({
		connect: async () => {
			const socket = await open(path);
			sockets.push(socket);
			return socket;
		},
		log: SILENT_LOG,
	});
	agent.start();
	onTestFinished(() => agent.stop());
	await agent.waitUntilConnected(SOON_MS);
	const reload = createHotReload({
		agent,
		log: SILENT_LOG,
		isLeader,
		kuma: {
			process: () => 'running',
			restart: async (reason) => {
				restarts.push(reason);
				await onRestart();
				return { outcome: 'restarted', reason, blindMs: 1 };
			},
		},
	});
	return { agent, reload, restarts, cut: () => sockets.at(-1)?.destroy() };
}

async function open(path: string): Promise<Socket> {
	const socket = connect(path);
	await once(socket, 'connect');
	// Tests that provoke the agent are cut off by it.
	socket.on('error', () => undefined);
	onTestFinished(() => {
		socket.destroy();
	});
	return socket;
}

async function answerTo(path: string, line: string): Promise<AgentAnswer> {
	const socket = await open(path);
	socket.write(`${line}\n`);
	const [answer] = (await once(socket, 'data')) as [Buffer];
	return JSON.parse(answer.toString('utf8')) as AgentAnswer;
}

const HELLO = JSON.stringify({ id: 1, method: 'hello' });

test('a connection that is cut between stop and reload is made again, and Kuma is not restarted', async () => {
	const { path, asked, gone } = await serve({});
	const { reload, restarts, cut } = await link(path);

	await reload.stop(PLAN);
	cut();
	await waitFor(() => gone.length === 1, { timeoutMs: SOON_MS, what: 'the end of the connection' });
	const report = await reload.reload(PLAN);

	expect(report).toMatchObject({ outcome: 'reloaded' });
	expect(asked).toEqual(['hello', 'stop', 'hello', 'reload']);
	expect(restarts).toEqual([]);
});

test('a connection that is cut in the middle of a reload lets it be asked for once more', async () => {
	let reloads = 0;
	const { path } = await serve({
		onReload: async () => {
			reloads += 1;
			if (reloads === 1) cut();
			return reloaded(false);
		},
	});
	const { reload, restarts, cut } = await link(path);

	const report = await reload.reload(PLAN);

	expect(report).toMatchObject({ outcome: 'reloaded' });
	expect(reloads).toBe(2);
	expect(restarts).toEqual([]);
});

test('a reload that fails inside of Kuma is answered with one restart', async () => {
	const { path } = await serve({ onReload: () => Promise.reject(new Error('no such table')) });
	const { reload, restarts } = await link(path);

	const report = await reload.reload(PLAN);

	expect(report).toMatchObject({ outcome: 'restarted' });
	expect(restarts).toEqual(['the reload failed']);
});

test('what this Kuma cannot reload is named as the reason of the restart, and nothing is stopped before', async () => {
	const { path, asked } = await serve({
		capabilities: { ...EVERYTHING, monitors: 'this Kuma has no startMonitors' },
	});
	const { reload, restarts } = await link(path);

	await reload.stop(PLAN);
	const report = await reload.reload(PLAN);

	expect(report).toMatchObject({ outcome: 'restarted', reason: 'this Kuma cannot reload monitors' });
	expect(restarts).toHaveLength(1);
	expect(asked).toEqual(['hello']);
});

test('a Kuma that is held at its start is not restarted for what it could not reload', async () => {
	const { path } = await serve({
		phase: 'held',
		capabilities: { ...EVERYTHING, monitors: 'this Kuma has no startMonitors' },
		onReload: async () => reloaded(true),
	});
	const { reload, restarts } = await link(path);

	const report = await reload.reload(PLAN);

	expect(report).toMatchObject({ outcome: 'reloaded' });
	expect(restarts).toEqual([]);
});

test('a Kuma that was let go just before the reload is restarted after all', async () => {
	const { path } = await serve({
		phase: 'held',
		capabilities: { ...EVERYTHING, monitors: 'this Kuma has no startMonitors' },
		onReload: async () => reloaded(false),
	});
	const { reload, restarts } = await link(path);

	await reload.reload(PLAN);

	expect(restarts).toHaveLength(1);
});

test.each([
	['no JSON', 'garbage'],
	['null', 'null'],
	['a list', '[1]'],
	['an unknown method', JSON.stringify({ id: 0, method: 'eval' })],
	['a reload without changes', JSON.stringify({ id: 0, method: 'reload' })],
])('%s is answered with an error, and the next one is served', async (_what, line) => {
	const { path, asked } = await serve({});

	expect(await answerTo(path, line)).toMatchObject({ id: 0, error: expect.any(String) });
	expect(asked).toEqual([]);

	expect(await answerTo(path, HELLO)).toMatchObject({ id: 1, result: { kumaVersion: '2.5.3' } });
});

test('a line that never ends is cut off, and nobody else notices', async () => {
	const { path } = await serve({});
	const endless = await open(path);
	const closed = once(endless, 'close');

	endless.write('x'.repeat(AGENT_LINE_BYTES_MAX + 2));
	await closed;

	expect(await answerTo(path, HELLO)).toMatchObject({ id: 1 });
});

test('a client that never reads is dropped before much piles up for it', async () => {
	const { path, server, gone } = await serve({});
	const deaf = await open(path);
	deaf.pause();
	await answerTo(path, HELLO);
	const before = gone.length;

	const tables = Array.from({ length: 1_000 }, (_, index) => `table ${index}`);
	for (let count = 0; count < 1_000 && gone.length === before; count += 1) {
		server.tell({ event: 'changed', tables });
		await new Promise((resolve) => setImmediate(resolve));
	}

	expect(gone.length).toBeGreaterThan(before);
	expect(await answerTo(path, HELLO)).toMatchObject({ id: 1 });
});

test('a hundred connections are served as one is', async () => {
	const { path } = await serve({});

	const answers = await Promise.all(Array.from({ length: 100 }, () => answerTo(path, HELLO)));

	expect(answers.every((answer) => 'result' in answer)).toBe(true);
});

test("nobody but Kuma's own user can connect", async () => {
	const { path } = await serve({});

	expect((await stat(path)).mode & 0o777).toBe(0o600);
});

/** Notes the zones that are asked for, each of which takes effect unless told otherwise. */
function zones() {
	const asked: unknown[] = [];
	let isBroken = false;
	const onReload = async ({ timezone }: AgentChanges) => {
		asked.push(timezone);
		if (isBroken) throw new Error('database is locked');
		return reloaded(false);
	};
	return { asked, onReload, breakIt: () => (isBroken = true), mend: () => (isBroken = false) };
}

test('a zone that did not take effect is asked for by every cycle until it has, and no longer', async () => {
	const { asked, onReload, breakIt, mend } = zones();
	const { path } = await serve({ onReload });
	const { reload, restarts } = await link(path);

	breakIt();
	await reload.settle('Europe/Berlin');
	await reload.settle();
	mend();
	await reload.settle();
	await reload.settle();
	await reload.settle('Europe/Berlin');

	expect(asked).toEqual(['Europe/Berlin', 'Europe/Berlin', 'Europe/Berlin']);
	expect(restarts).toEqual([]);
});

test('a zone is set anew in a Kuma that was started again, even if its release fails', async () => {
	const { asked, onReload } = zones();
	let pid = 1;
	const { path, gone } = await serve({
		onReload,
		pid: () => pid,
		onRelease: () => {
			throw new Error('the agent is not ready');
		},
	});
	const { agent, reload, cut } = await link(path);
	await reload.settle('Europe/Berlin');

	pid = 2;
	cut();
	await waitFor(() => gone.length === 1, { timeoutMs: SOON_MS, what: 'the end of the connection' });
	await waitFor(() => agent.hello?.pid === 2, { timeoutMs: SOON_MS, what: 'the new one' });
	await reload.release('Europe/Berlin');
	await reload.settle();

	expect(asked).toEqual(['Europe/Berlin', 'Europe/Berlin']);
});

test('a plan whose commit was not confirmed is taken up when the next cycle finds it carried out', async () => {
	const capabilities = { ...EVERYTHING, monitors: 'this Kuma has no startMonitors' };
	const { path } = await serve({ capabilities });
	const { reload, restarts } = await link(path);

	await reload.stop(PLAN);
	reload.owe(PLAN);
	await reload.resume(PLAN);
	expect(restarts).toEqual([]);
	await reload.settle('Europe/Berlin');
	await reload.settle('Europe/Berlin');

	expect(restarts).toEqual(['this Kuma cannot reload monitors']);
});

test('what one plan leaves open is taken up with the next one', async () => {
	const reloads: AgentChanges[] = [];
	let isBroken = true;
	const { path } = await serve({
		onReload: async (changes) => {
			reloads.push(changes);
			if (isBroken) throw new Error('database is locked');
			return reloaded(false);
		},
	});
	const { reload } = await link(path);
	const [change] = PLAN.changes;
	if (change === undefined) throw new Error('the plan has a change');

	await reload.stop(PLAN);
	await reload.resume(PLAN);
	isBroken = false;
	await reload.reload({ ...PLAN, changes: [{ ...change, key: [8] }] });

	expect(reloads.at(-1)?.rows.map(({ key }) => key[0])).toEqual([7, 8]);
});

test('a Kuma that was left behind is told everything once, and a leader keeps its own zone in it', async () => {
	const told: AgentChanges[] = [];
	const { path } = await serve({
		onReload: async (changes) => {
			told.push(changes);
			return reloaded(false);
		},
	});
	const replica = await link(path);
	const leader = await link(path, { isLeader: true });

	await replica.reload.adopt(process.pid);
	await replica.reload.settle();
	await leader.reload.adopt(process.pid);
	await leader.reload.reload(PLAN);

	expect(told.map(({ isEverything, timezone }) => [isEverything, timezone])).toEqual([
		[true, undefined],
		[true, null],
		[false, null],
	]);
});

test('a Kuma that is heard in the middle of its restart, or of an apply, is not restarted once more', async () => {
	const { path } = await serve({
		capabilities: { ...EVERYTHING, monitors: 'this Kuma has no startMonitors' },
	});
	const { reload, restarts } = await link(path, { onRestart: () => reload.catchUp() });

	await reload.stop(PLAN);
	await reload.catchUp();
	await reload.reload(PLAN);
	await reload.catchUp();
	await reload.settle('Europe/Berlin');

	expect(restarts).toHaveLength(1);
});

test('a Kuma that is restarted for an apply and starts slowly is not restarted again by the next cycle', async () => {
	const { path } = await serve({
		capabilities: { ...EVERYTHING, monitors: 'this Kuma has no startMonitors' },
	});
	const notReady = { code: 'kuma-not-ready', isRetryable: true } as const;
	const { reload, restarts } = await link(path, {
		onRestart: () => Promise.reject(new ReplicatorError('Kuma does not answer yet.', notReady)),
	});
	const repository = memoryRepository();
	const leader = await fleetMember({ mode: 'BACKUP', repository });
	await leader.cycle();
	const replica = await fleetMember({ mode: 'RESTORE', repository, isEmpty: true, reload });

	await expect(replica.cycle()).rejects.toMatchObject(notReady);
	await replica.cycle();
	await replica.cycle();

	expect(restarts).toHaveLength(1);
});

test('a Kuma that was left behind is told everything once, however many ask for it meanwhile', async () => {
	const told: boolean[] = [];
	let answer: (value: unknown) => void = () => undefined;
	const { path } = await serve({
		onReload: ({ isEverything }) => {
			told.push(isEverything);
			return new Promise((resolve) => {
				answer = resolve;
			});
		},
	});
	const { reload } = await link(path);

	const adopted = reload.adopt(process.pid);
	const settled = reload.settle();
	const caughtUp = reload.catchUp();
	await waitFor(() => told.length > 0, { timeoutMs: SOON_MS, what: 'the reload' });
	answer(reloaded(false));
	await adopted;
	// Lets a second one be answered as well.
	answer(reloaded(false));
	await Promise.all([settled, caughtUp]);

	expect(told).toEqual([true]);
});

test('a Kuma that crashes while it is told everything is not told again after its new start', async () => {
	const told: boolean[] = [];
	let pid = 1;
	const { path } = await serve({
		pid: () => pid,
		onReload: async ({ isEverything }) => {
			told.push(isEverything);
			pid = 2;
			cut();
			return reloaded(false);
		},
	});
	const { agent, reload, cut } = await link(path);

	await reload.adopt(1);
	await waitFor(() => agent.hello?.pid === 2, { timeoutMs: SOON_MS, what: 'the new one' });
	await reload.settle();
	await reload.catchUp();

	expect(told).toEqual([true]);
});

test('a zone that becomes known while Kuma takes up another one is taken up as well', async () => {
	const { asked, onReload } = zones();
	let isFirst = true;
	const { path } = await serve({
		onReload: async (changes) => {
			const second = isFirst ? reload.settle('Asia/Tokyo') : undefined;
			isFirst = false;
			seconds.push(second);
			return onReload(changes);
		},
	});
	const { reload } = await link(path);
	const seconds: unknown[] = [];

	await reload.settle('Europe/Berlin');
	await Promise.all(seconds);

	expect(asked).toEqual(['Europe/Berlin', 'Asia/Tokyo']);
});

test('a zone that nobody knows at the start of Kuma is looked for by the next cycle, and then no more', async () => {
	const { asked, onReload } = zones();
	const { path } = await serve({ onReload });
	const { reload } = await link(path);
	let searches = 0;
	const find = async () => {
		searches += 1;
		return 'Europe/Berlin';
	};

	await reload.release(null);
	await reload.settle(find);
	await reload.settle(find);

	expect(asked).toEqual(['Europe/Berlin']);
	expect(searches).toBe(1);
});

test('a zone that is known outlasts a start of Kuma at which nobody can say it', async () => {
	const { onReload } = zones();
	const released: unknown[] = [];
	const { path } = await serve({ onReload, onRelease: (timezone) => released.push(timezone) });
	const { reload } = await link(path);

	await reload.settle('Europe/Berlin');
	await reload.release(null);

	expect(released).toEqual(['Europe/Berlin']);
});

test('a Kuma that is heard again in the middle of an apply is not reloaded before its end', async () => {
	const told: AgentChanges[] = [];
	const { path, asked } = await serve({
		onReload: async (changes) => {
			told.push(changes);
			return reloaded(false);
		},
	});
	const { reload } = await link(path);

	await reload.stop(PLAN);
	await reload.adopt(process.pid);
	expect(asked).toEqual(['hello', 'stop']);
	await reload.reload(PLAN);
	await reload.settle();

	expect(told.map(({ isEverything, timezone }) => [isEverything, timezone])).toEqual([
		[false, 'Europe/Berlin'],
		[true, 'Europe/Berlin'],
	]);
});
