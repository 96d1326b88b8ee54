import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { serveAgent } from '../../src/agent/serve.ts';
import { controlClient } from '../../src/control/control-client.ts';
import { serveControl } from '../../src/control/control-server.ts';
import { LeaderStream } from '../../src/fleet/leader-stream.ts';
import { AGENT_PROTOCOL, CAPABILITIES } from '../../src/model/agent-protocol.ts';
import { NO_BEATS_YET } from '../../src/model/beat-watch.ts';
import { ReplicatorError } from '../../src/model/replicator-error.ts';
import { subscribeToNtfy } from '../../src/nudges/ntfy-subscription.ts';
import { AgentLink } from '../../src/reload/agent-link.ts';
import { blockedMs } from '../kit/blocked-ms.ts';
import { testRepository } from '../kit/restic.ts';
import { scriptedLeader } from '../kit/scripted-leader.ts';
import { TALKS, talkativeRestic } from '../kit/talkative-restic.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { SILENT_LOG } from '../kit/test-instance.ts';
import { testStatus } from '../kit/test-status.ts';
import { waitFor } from '../kit/wait-for.ts';

/** A machine that does other things at the same time takes its share; a pattern that is not linear takes minutes. */
const BLOCKED_MS_MAX = 1_000;
const SOON_MS = 20_000;
const MEGABYTE = 1024 * 1024;

const UNIT = 'data: returned error, retrying after <script> "event": ';
const text = (length: number) => UNIT.repeat(Math.ceil(length / UNIT.length)).slice(0, length);

/** How somebody may write who means no good, in the pieces in which he does. */
const STREAMS: Readonly<Record<string, readonly string[]>> = {
	'a line of a megabyte': [`${text(MEGABYTE)}\n`],
	'a megabyte without an end of a line': [text(MEGABYTE)],
	'many long lines': Array.from({ length: 32 }, () => `${text(32 * 1024)}\n`),
	'lines that grow': Array.from({ length: 1_400 }, (_, length) => `${text(length)}\n`),
	'a drip': [...text(3_000)],
};

describe('restic', () => {
	test.each(TALKS)(
		'that writes %s fails like any other, and holds nobody up',
		{ timeout: 60_000 },
		async (talk) => {
			const location = join(await temporaryDirectory('repository'), 'repository');
			const environment = { PATH: (await talkativeRestic(talk, 'end')).path };
			const { repository } = await testRepository({ location, environment });
			const uses = [
				() => repository.list(),
				async () => repository.fetch({ id: 'a'.repeat(64), directory: await temporaryDirectory('fetched') }),
			];

			for (const use of uses) {
				let error: unknown;
				const blocked = await blockedMs(async () => {
					error = await use().catch((reason: unknown) => reason);
				});

				expect(error).toBeInstanceOf(ReplicatorError);
				expect((error as ReplicatorError).message.length).toBeLessThan(1_000);
				expect(blocked).toBeLessThan(BLOCKED_MS_MAX);
			}
		},
	);

	test('that hangs behind such a line is ended like any other', async () => {
		const location = join(await temporaryDirectory('repository'), 'repository');
		const environment = { PATH: (await talkativeRestic('line', 'hang')).path };
		const stop = new AbortController();
		const { repository } = await testRepository({ location, environment, signal: stop.signal });

		const blocked = await blockedMs(async () => {
			const listing = repository.list();
			setTimeout(() => stop.abort(), 2_000);
			await expect(listing).rejects.toMatchObject({ code: 'interrupted' });
		});

		expect(blocked).toBeLessThan(BLOCKED_MS_MAX);
	});
});

describe('a topic of ntfy', () => {
	test.each(Object.entries(STREAMS))(
		'with %s: the nudge behind it is heard',
		{ timeout: 60_000 },
		async (_what, pieces) => {
			const server = await scriptedLeader((_request, response) => {
				response.writeHead(200);
				response.write('{"event":"open","time":1}\n');
				for (const piece of pieces) response.write(piece);
				response.write('\n{"event":"message","id":"x","time":2,"tags":["replicator-kuma-default"]}\n');
			});
			const ending = new AbortController();
			let nudges = 0;
			const subscription = subscribeToNtfy({
				topic: { url: `${server.url}/topic` },
				variable: 'NTFY_URL',
				fleet: 'default',
				onNudge: () => {
					nudges += 1;
				},
				log: SILENT_LOG,
				signal: ending.signal,
			});

			const blocked = await blockedMs(() =>
				waitFor(() => nudges === 2, { timeoutMs: 2 * SOON_MS, what: 'the nudge' }),
			);
			ending.abort();
			await subscription.finished;

			expect(blocked).toBeLessThan(BLOCKED_MS_MAX);
		},
	);
});

describe("the leader's events", () => {
	test.each(Object.entries(STREAMS))(
		'with %s: the connection ends, or goes on, and nobody is held up',
		async (_what, pieces) => {
			const leader = await scriptedLeader((_request, response) => {
				response.writeHead(200, { 'content-type': 'text/event-stream' });
				response.write(': hello\n\n');
				for (const piece of pieces) {
					if (response.destroyed) return;
					response.write(`data: ${piece}`);
				}
				response.write(
					`\n\nevent: snapshot\ndata: {"generation":1,"digest":"${'a'.repeat(64)}","isKept":true}\n\n`,
				);
			});
			const told: unknown[] = [];
			const stream = new LeaderStream({
				url: leader.url,
				token: null,
				log: SILENT_LOG,
				onSnapshot: (hint) => told.push(hint),
				onLeaderLost: (reason) => told.push(reason),
			});

			const blocked = await blockedMs(async () => {
				stream.start();
				await waitFor(() => told.length > 0, { timeoutMs: SOON_MS, what: 'an event, or the end' });
			});
			await stream.stop();

			expect(blocked).toBeLessThan(BLOCKED_MS_MAX);
		},
	);
});

const HELLO = {
	protocol: AGENT_PROTOCOL,
	productVersion: '0.0.0',
	kumaVersion: '2.5.3',
	pid: process.pid,
	fingerprint: 'it',
	phase: 'running',
	capabilities: Object.fromEntries(CAPABILITIES.map((name) => [name, true])),
	problems: [],
	beats: NO_BEATS_YET,
};

async function connectTo(path: string): Promise<Socket> {
	const socket = connect(path);
	socket.on('error', () => undefined);
	onTestFinished(() => void socket.destroy());
	await once(socket, 'connect');
	return socket;
}

describe("the agent's socket", () => {
	test.each(Object.entries(STREAMS))('%s: Kuma answers others meanwhile', async (_what, pieces) => {
		const path = join(await temporaryDirectory('agent'), 'agent.sock');
		serveAgent(path, {
			onRequest: async () => HELLO,
			onClosed: () => undefined,
			onUnreachable: () => undefined,
		});
		await waitFor(
			() =>
				connectTo(path).then(
					() => true,
					() => false,
				),
			{ timeoutMs: SOON_MS, what: 'it' },
		);
		const bad = await connectTo(path);
		const good = await connectTo(path);

		const blocked = await blockedMs(async () => {
			for (const piece of pieces) bad.write(piece);
			const answered = once(good, 'data');
			good.write('{"id":1,"method":"hello"}\n');
			await answered;
			await waitFor(() => bad.writableLength === 0 || bad.destroyed, { timeoutMs: SOON_MS, what: 'the end' });
		});

		expect(blocked).toBeLessThan(BLOCKED_MS_MAX);
	});

	test.each(Object.entries(STREAMS))(
		'%s of an agent: what it answers behind it is heard',
		async (_what, pieces) => {
			const path = join(await temporaryDirectory('agent'), 'agent.sock');
			const server = createServer((socket) => {
				for (const piece of pieces) socket.write(piece);
				socket.write('\n');
				socket.on('data', () => socket.write(`${JSON.stringify({ id: 1, result: HELLO })}\n`));
				socket.on('error', () => undefined);
			}).listen(path);
			await once(server, 'listening');
			onTestFinished(() => void server.close());
			const agent = new AgentLink({ connect: () => connectTo(path), log: SILENT_LOG });
			onTestFinished(() => agent.stop());

			const blocked = await blockedMs(async () => {
				agent.start();
				expect(await agent.waitUntilConnected(SOON_MS)).toBe(true);
			});

			expect(blocked).toBeLessThan(BLOCKED_MS_MAX);
		},
	);
});

describe('the control socket', () => {
	test.each(Object.entries(STREAMS))(
		'%s as orders: refused, and others are served',
		async (_what, pieces) => {
			const path = join(await temporaryDirectory('control'), 'control.sock');
			const carriedOut: unknown[] = [];
			const work = async (orders: unknown) => {
				carriedOut.push(orders);
				throw new Error('nothing is to be carried out');
			};
			const close = await serveControl(
				path,
				{ status: () => testStatus(), backup: work, restore: work },
				SILENT_LOG,
			);
			onTestFinished(close);
			const bad = await connectTo(path);
			const length = pieces.join('').length;

			const blocked = await blockedMs(async () => {
				const answered = once(bad, 'data');
				bad.write(`POST /backup HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`);
				for (const piece of pieces) bad.write(piece);
				expect(String((await answered)[0])).toMatch(/^HTTP\/1\.1 4\d\d /);
				expect(await controlClient(path).status()).toEqual(testStatus());
			});

			expect(carriedOut).toEqual([]);
			expect(blocked).toBeLessThan(BLOCKED_MS_MAX);
		},
	);

	test('an answer without end is not read without end', { timeout: 60_000 }, async () => {
		const path = join(await temporaryDirectory('control'), 'control.sock');
		const chunk = 'x'.repeat(MEGABYTE);
		let sent = 0;
		const server = createServer((socket) => {
			socket.on('error', () => undefined);
			const pour = () => {
				do sent += 1;
				while (!socket.destroyed && socket.write(chunk));
			};
			socket.on('drain', pour);
			socket.once('data', () => {
				socket.write('HTTP/1.1 200 OK\r\n\r\n');
				pour();
			});
		}).listen(path);
		await once(server, 'listening');
		onTestFinished(() => void server.close());

		const asking = controlClient(path).backup({ takesOver: false, allowsDeletes: false, dropsHeld: [] });

		await expect(asking).rejects.toMatchObject({ code: 'control-unreachable' });
		expect(sent).toBeLessThan(200);
	});
});
