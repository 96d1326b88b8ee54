import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { recordLog } from '../../test/kit/record-log.ts';
import { createHeartbeat, type HeartbeatOptions } from './heartbeat.ts';

/** A server on loopback that gives each of `answers` once, and then always the last; `hang` never answers. */
async function startServer(...answers: (number | 'hang')[]) {
	const received: string[] = [];
	const authorizations: (string | undefined)[] = [];
	const server = createServer(async (request, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk);
		const answer = answers[Math.min(received.length, answers.length - 1)] ?? 200;
		received.push(`${request.method} ${request.url} ${Buffer.concat(chunks).toString('utf8')}`.trim());
		authorizations.push(request.headers.authorization);
		if (answer !== 'hang') response.writeHead(answer).end('{"ok":true}');
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const stop = async () => {
		server.closeAllConnections();
		if (server.listening) await new Promise((resolve) => server.close(resolve));
	};
	onTestFinished(stop);
	const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
	return { received, authorizations, host, stop };
}

function heartbeatTo(url: string, options: Partial<HeartbeatOptions> = {}) {
	const recorded = recordLog();
	const heartbeat = createHeartbeat({
		url,
		log: recorded.log,
		timeoutMs: 2_000,
		retryDelayMs: 1,
		...options,
	});
	return { heartbeat, ...recorded };
}

describe('a push monitor of Kuma', () => {
	test('is told that a cycle was good, and how long it took', async () => {
		const { received, host } = await startServer(200);
		const { heartbeat, lines } = heartbeatTo(`http://${host}/base/api/push/key?status=up&msg=OK&ping=`);

		await heartbeat.succeed({ durationMs: 1234.5 });

		expect(received).toEqual(['GET /base/api/push/key?status=up&msg=OK&ping=1235']);
		expect(lines).toEqual([]);
	});

	test('is told what failed, masked and cut to what an address can hold', async () => {
		const { received, host } = await startServer(200);
		const mask = (text: string) => text.replaceAll('hunter2', '***');
		const { heartbeat } = heartbeatTo(`http://${host}/api/push/key?status=up&msg=OK&ping=`, { mask });

		await heartbeat.fail(`Wrong password hunter2 & more: ${'🔑'.repeat(1_000)}`);

		const query = new URL(`http://host${received[0]?.split(' ')[1]}`).searchParams;
		expect(Object.fromEntries(query)).toEqual({
			status: 'down',
			msg: expect.stringMatching(/^Wrong password \*\*\* & more: 🔑+…$/u),
		});
		expect(received[0]?.length).toBeLessThan(1_000);
	});
});

describe('a check as of healthchecks', () => {
	test('is called after a good cycle, and with /fail and the message after a bad one', async () => {
		const { received, host } = await startServer(200);
		const { heartbeat } = heartbeatTo(`http://${host}/ping/uuid/?x=1`);

		await heartbeat.succeed({ durationMs: 12 });
		await heartbeat.fail('The repository cannot be reached.');

		expect(received).toEqual([
			'GET /ping/uuid/?x=1',
			'POST /ping/uuid/fail?x=1 The repository cannot be reached.',
		]);
	});

	test('gets the user name and password of its address as such', async () => {
		const { authorizations, host } = await startServer(200);
		const { heartbeat, lines } = heartbeatTo(`http://kuma:p%40ss@${host}/uuid`);

		await heartbeat.succeed({ durationMs: 12 });

		expect(authorizations).toEqual([`Basic ${Buffer.from('kuma:p@ss').toString('base64')}`]);
		expect(lines).toEqual([]);
	});
});

describe('a server in trouble', () => {
	test.each([500, 429, 'hang'] as const)('after %s it is tried once more', async (answer) => {
		const { received, host } = await startServer(answer, 200);
		const { heartbeat, lines } = heartbeatTo(`http://${host}/uuid`, { timeoutMs: 200 });

		await heartbeat.succeed({ durationMs: 1 });

		expect(received).toHaveLength(2);
		expect(lines).toEqual([]);
	});

	test.each([
		[503, 2],
		[404, 1],
	])('that answers %i is told once, after %i attempts', async (status, attempts) => {
		const { received, host } = await startServer(status);
		const { heartbeat, lines, warnings } = heartbeatTo(`http://${host}/uuid`);

		await heartbeat.succeed({ durationMs: 1 });
		await heartbeat.fail('m');

		expect(received).toHaveLength(2 * attempts);
		expect(warnings()).toHaveLength(1);
		expect(lines).toHaveLength(2);
	});

	test('that is away is no reason to fail', async () => {
		const { host, stop } = await startServer(200);
		await stop();
		const { heartbeat, lines } = heartbeatTo(
			`http://u:pass-secret@${host}/api/push/key-secret?q=query-secret`,
		);

		await heartbeat.succeed({ durationMs: 1 });

		expect(lines.join()).toContain('ECONNREFUSED');
		expect(lines.join()).toContain(`http://${host}/***`);
		expect(lines.join()).not.toContain('-secret');
	});

	test('that is slow gets the newest news after those under way, and no more', async () => {
		const { received, host } = await startServer('hang', 200);
		const { heartbeat } = heartbeatTo(`http://${host}/uuid`, { timeoutMs: 300 });

		const first = heartbeat.succeed({ durationMs: 1 });
		await vi.waitFor(() => expect(received).toHaveLength(1), { timeout: 5_000 });
		const others = ['a', 'b', 'c'].map((message) => heartbeat.fail(message));
		await Promise.all([first, ...others]);

		expect(received).toEqual(['GET /uuid', 'GET /uuid', 'POST /uuid/fail c']);
	});
});
