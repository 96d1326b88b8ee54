import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createHeartbeat } from '../../src/notices/heartbeat.ts';
import { createNtfySender } from '../../src/notices/ntfy-sender.ts';
import { subscribeToNtfy } from '../../src/nudges/ntfy-subscription.ts';
import { createResticRunner } from '../../src/repository/restic/restic-process.ts';
import { runLoop } from '../../src/timing/loop.ts';
import { collectingGarbage } from '../kit/collect-garbage.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { SILENT_LOG } from '../kit/test-instance.ts';
import { waitFor } from '../kit/wait-for.ts';

/** Long enough for garbage to be collected many times in between. */
const A_WHILE_MS = 500;
const HOUR_MS = 3_600_000;
const SOON = { timeoutMs: 20_000 };

/** A server that says `greeting` to whoever connects, and nothing more. */
async function startMuteServer(greeting = '') {
	const sockets = new Set<Socket>();
	const server = createServer((socket) => {
		sockets.add(socket);
		socket.on('error', () => undefined);
		socket.once('data', () => socket.write(greeting));
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	onTestFinished(() => {
		for (const socket of sockets) socket.destroy();
		server.close();
	});
	const address = server.address();
	if (address === null || typeof address === 'string') throw new Error('the server does not listen');
	return { url: `http://127.0.0.1:${address.port}/topic`, connections: () => sockets.size, sockets };
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n';
const HALF = `${HEAD}4\r\nhalf\r\n`;

test('a loop that waits is woken, and ended', async () => {
	const stop = new AbortController();
	let cycles = 0;
	const loop = runLoop({
		cycle: async () => ++cycles,
		intervalMs: HOUR_MS,
		signal: stop.signal,
		onOutcome: () => undefined,
		onError: () => undefined,
	});

	await collectingGarbage(delay(A_WHILE_MS));
	loop.wake();
	await waitFor(() => cycles === 2, { ...SOON, what: 'the second cycle' });
	await collectingGarbage(delay(A_WHILE_MS));
	stop.abort();

	await loop.finished;
});

/** Stands in for a restic that hangs; it ends when it is asked to. With a file `hopeless` it says so before. */
const HANGING = `#!/bin/sh
trap 'exit 130' INT
while :; do
	[ -e hopeless ] && echo 'Save(<lock/1>) returned error, retrying after 1s: permission denied' >&2 && rm hopeless
	sleep 0.05
done
`;

async function startHanging(signal: AbortSignal) {
	const directory = await temporaryDirectory('restic');
	await writeFile(join(directory, 'restic'), HANGING);
	await chmod(join(directory, 'restic'), 0o700);
	const run = createResticRunner({
		environment: { PATH: `${directory}:${process.env.PATH}` },
		graceMs: 5_000,
		signal,
	});
	const timeoutMs = HOUR_MS;
	const ended = run({
		command: 'list',
		options: [],
		directory,
		timeoutMs,
		givesUpOn: (line) => line.includes('permission denied'),
	});
	ended.catch(() => undefined);
	return { directory, ended };
}

test('a restic that hangs is ended when everything ends', async () => {
	const stop = new AbortController();
	const { ended } = await startHanging(stop.signal);

	await collectingGarbage(delay(A_WHILE_MS));
	stop.abort();

	await expect(ended).rejects.toMatchObject({ code: 'interrupted' });
});

test('a restic that says that it tries in vain is ended', async () => {
	const { directory, ended } = await startHanging(new AbortController().signal);

	await collectingGarbage(delay(A_WHILE_MS));
	await writeFile(join(directory, 'hopeless'), '');

	await expect(ended).resolves.toMatchObject({ stderr: expect.stringContaining('permission denied') });
});

test.each([
	['says nothing', ''],
	['begins to answer and goes no further', HALF],
])('a heartbeat and a notice to a server that %s are over in time', async (_what, greeting) => {
	const server = await startMuteServer(greeting);
	const options = { log: SILENT_LOG, timeoutMs: A_WHILE_MS, retryDelayMs: 1 };
	const heartbeat = createHeartbeat({ ...options, url: server.url });
	const sender = createNtfySender({ ...options, topic: { url: server.url }, variable: 'NTFY_URL' });

	await collectingGarbage(
		Promise.all([
			heartbeat.succeed({ durationMs: 1 }),
			heartbeat.fail('It failed.'),
			sender.send({ headers: {}, body: 'm', kind: 'info' }),
		]),
	);

	expect(server.connections()).toBeGreaterThan(2);
	await waitFor(() => [...server.sockets].every(({ destroyed }) => destroyed), {
		...SOON,
		what: 'the end of every connection',
	});
});

test.each([
	['says nothing', ''],
	['begins to answer and goes no further', HEAD],
])('a subscription to a server that %s is made again, and ended', async (_what, greeting) => {
	const server = await startMuteServer(greeting);
	const stop = new AbortController();
	const subscription = subscribeToNtfy({
		topic: { url: server.url },
		variable: 'NTFY_URL',
		fleet: 'default',
		onNudge: () => undefined,
		log: SILENT_LOG,
		signal: stop.signal,
		keepAliveMs: A_WHILE_MS / 2.5,
		backOff: { firstMs: 1, maxMs: 1 },
	});

	await collectingGarbage(
		waitFor(() => server.connections() >= 3, { ...SOON, what: 'the third connection' }),
	);
	stop.abort();

	await collectingGarbage(subscription.finished);
});
