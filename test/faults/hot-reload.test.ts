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
	type AgentPhase,
	type AgentRequest,
	CAPABILITIES,
	type Capabilities,
} from '../../src/model/agent-protocol.ts';
import type { ReloadedPlan } from '../../src/model/reload.ts';
import { AgentLink } from '../../src/reload/agent-link.ts';
import { createHotReload } from '../../src/reload/hot-reload.ts';
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
	readonly onReload?: () => Promise<unknown>;
}) {
	const directory = await temporaryDirectory('agent');
	const path = join(directory, 'agent.sock');
	const asked: AgentRequest['method'][] = [];
	const gone: object[] = [];
	const server = serveAgent(path, {
		onRequest: async (_client, request) => {
			asked.push(request.method);
			if (request.method === 'reload') return kuma.onReload?.() ?? reloaded(false);
			if (request.method !== 'hello') return null;
			return {
				protocol: AGENT_PROTOCOL,
				productVersion: '0.0.0',
				kumaVersion: '2.5.3',
				pid: process.pid,
				fingerprint: 'it',
				phase: kuma.phase ?? 'running',
				capabilities: kuma.capabilities ?? EVERYTHING,
			};
		},
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
async function link(path: string) {
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
		kuma: {
			process: () => 'running',
			restart: async (reason) => {
				restarts.push(reason);
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
