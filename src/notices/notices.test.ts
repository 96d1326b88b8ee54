import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';

import { recordLog } from '../../test/kit/record-log.ts';
import { createNotices, type NoticesOptions } from './notices.ts';

interface Received {
	readonly method: string | undefined;
	readonly url: string | undefined;
	readonly headers: IncomingMessage['headers'];
	readonly body: string;
}

/**
 * A server on loopback that answers as ntfy does, with each of `answers` once and then always with the last.
 * `hang` takes the message and never answers; `half` answers with a body that never ends.
 */
async function startNtfy(...answers: (number | 'hang' | 'half')[]) {
	const received: Received[] = [];
	const server = createServer(async (request, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of request) {
			chunks.push(chunk);
		}
		const { method, url, headers } = request;
		const answer = answers[Math.min(received.length, answers.length - 1)] ?? 200;
		received.push({ method, url, headers, body: Buffer.concat(chunks).toString('utf8') });
		if (answer === 'hang') {
			return;
		}
		if (answer === 'half') {
			response.writeHead(200, { 'Content-Type': 'application/json' });
			response.write('{"id":');
			return;
		}
		response.writeHead(answer, { 'Content-Type': 'application/json', Location: '/elsewhere' });
		response.end('{"id":"sPs71M8A2T","event":"message"}\n');
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	onTestFinished(async () => {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	});
	const { port } = server.address() as AddressInfo;
	return { received, host: `127.0.0.1:${port}`, close: () => server.close() };
}

function noticesTo(ntfy: NoticesOptions['ntfy'], options: Partial<NoticesOptions> = {}) {
	const recorded = recordLog();
	const notices = createNotices({
		ntfy,
		hostname: 'kuma-1',
		log: recorded.log,
		timeoutMs: 2_000,
		retryDelayMs: 1,
		...options,
	});
	return { notices, ...recorded };
}

describe('what is sent', () => {
	test('a notice is a POST to the topic, with the hostname in front of its text', async () => {
		const { received, host } = await startNtfy(200);
		const { notices, lines } = noticesTo({ url: `http://${host}/base/topic` });

		const report = await notices.send({
			kind: 'published',
			message: 'Snapshot 1a2b: „Webseite“ geändert 🔑',
		});

		expect(report).toEqual({ outcome: 'sent' });
		expect(received).toHaveLength(1);
		expect(received[0]).toMatchObject({
			method: 'POST',
			url: '/base/topic',
			body: '[kuma-1] Snapshot 1a2b: „Webseite“ geändert 🔑',
			headers: { title: 'Snapshot published', priority: '2', tags: 'outbox_tray' },
		});
		expect(received[0]?.headers.authorization).toBeUndefined();
		expect(lines).toEqual([]);
	});

	test('a title of any characters arrives as ASCII', async () => {
		const { received, host } = await startNtfy(200);
		const { notices } = noticesTo({ url: `http://${host}/topic` });

		await notices.send({ kind: 'held', title: 'Gerät\r\nX-Evil: 1', message: 'm' });

		expect(received[0]?.headers.title).toBe('Gerat X-Evil: 1');
		expect(received[0]?.headers['x-evil']).toBeUndefined();
	});

	test('a token is sent as a bearer', async () => {
		const { received, host } = await startNtfy(200);
		const { notices } = noticesTo({ url: `http://${host}/topic`, token: 'tk_1234' });

		await notices.send({ kind: 'info', message: 'm' });

		expect(received[0]?.headers.authorization).toBe('Bearer tk_1234');
	});

	test('a user name and password in the address are sent as such, decoded', async () => {
		const { received, host } = await startNtfy(200);
		const { notices } = noticesTo({ url: `http://kuma:p%40ss%C3%9F@${host}/topic` });

		const report = await notices.send({ kind: 'info', message: 'm' });

		expect(report.outcome).toBe('sent');
		const [scheme, encoded = ''] = received[0]?.headers.authorization?.split(' ') ?? [];
		expect(scheme).toBe('Basic');
		expect(Buffer.from(encoded, 'base64').toString('utf8')).toBe('kuma:p@ssß');
	});

	test('a published snapshot is marked as a nudge for the fleet, and nothing else is', async () => {
		const { received, host } = await startNtfy(200);
		const { notices } = noticesTo({ url: `http://${host}/topic` }, { nudgedFleet: 'production' });

		await notices.send({ kind: 'published', message: 'm' });
		await notices.send({ kind: 'applied', message: 'm' });

		expect(received.map(({ headers }) => headers.tags)).toEqual([
			'outbox_tray,replicator-kuma-production',
			'inbox_tray',
		]);
	});

	test('a long message is cut to 4,000 bytes between two characters', async () => {
		const { received, host } = await startNtfy(200);
		const { notices } = noticesTo({ url: `http://${host}/topic` });

		await notices.send({ kind: 'info', message: '🔑'.repeat(5_000) });

		const body = received[0]?.body ?? '';
		expect(Buffer.byteLength(body)).toBeLessThanOrEqual(4_000);
		expect(body).toMatch(/^\[kuma-1\] 🔑+…$/u);
	});

	test('secrets are masked before a message leaves', async () => {
		const { received, host } = await startNtfy(200);
		const mask = (text: string) => text.replaceAll('hunter2', '***');
		const { notices } = noticesTo({ url: `http://${host}/topic` }, { mask });

		await notices.send({ kind: 'failed', title: 'hunter2', message: 'password hunter2 is wrong' });

		expect(received[0]?.body).toBe('[kuma-1] password *** is wrong');
		expect(received[0]?.headers.title).toBe('***');
	});

	test('without a topic, nothing is sent', async () => {
		const { notices } = noticesTo(null);

		expect(await notices.send({ kind: 'failed', message: 'm' })).toEqual({ outcome: 'off' });
	});
});

describe('when the server does not take it', () => {
	const notice = { kind: 'applied', message: 'm' } as const;

	test.each([429, 500, 503, 'hang'] as const)(
		'after %s it is tried again, and that is enough',
		async (answer) => {
			const { received, host } = await startNtfy(answer, 200);
			const { notices, lines } = noticesTo({ url: `http://${host}/topic` }, { timeoutMs: 200 });

			expect(await notices.send(notice)).toEqual({ outcome: 'sent' });
			expect(received).toHaveLength(2);
			expect(lines).toEqual([]);
		},
	);

	test.each([429, 502, 'hang'] as const)('after three times %s it is given up', async (answer) => {
		const { received, host } = await startNtfy(answer);
		const { notices, warnings } = noticesTo({ url: `http://${host}/topic` }, { timeoutMs: 100 });

		const report = await notices.send(notice);

		expect(report.outcome).toBe('failed');
		expect(received).toHaveLength(3);
		expect(warnings()).toHaveLength(1);
	});

	test.each([
		[401, 'NTFY_TOKEN'],
		[403, 'NTFY_TOKEN'],
		[404, 'NTFY_URL'],
		[301, 'redirects'],
		[308, 'redirects'],
	])('%i is final, and the hint speaks of %s', async (status, word) => {
		const { received, host } = await startNtfy(status);
		const { notices } = noticesTo({ url: `http://${host}/topic` });

		const report = await notices.send(notice);

		expect(report).toMatchObject({ outcome: 'failed', error: { code: 'notice-failed' } });
		expect(report.outcome === 'failed' && report.error.hint).toContain(word);
		expect(received).toHaveLength(1);
	});

	test('an answer whose body never ends is an answer', async () => {
		const { host } = await startNtfy('half');
		const { notices } = noticesTo({ url: `http://${host}/topic` });

		expect(await notices.send(notice)).toEqual({ outcome: 'sent' });
	});

	test('a server that is away is a failure that names the reason', async () => {
		const { host, close } = await startNtfy(200);
		close();
		const { notices } = noticesTo({ url: `http://${host}/topic` });

		const report = await notices.send(notice);

		expect(report.outcome === 'failed' && report.error.message).toContain('ECONNREFUSED');
	});

	test('the same failure is a warning once, until a notice has arrived', async () => {
		const { host } = await startNtfy(404, 404, 200, 404);
		const { notices, warnings, lines } = noticesTo({ url: `http://${host}/topic` });

		for (const _attempt of [1, 2, 3, 4]) {
			await notices.send(notice);
		}

		expect(warnings()).toHaveLength(2);
		expect(lines).toHaveLength(3);
	});

	test.each([401, 429, 'hang'] as const)(
		'after %s neither the log nor the error tells a secret',
		async (answer) => {
			const { host } = await startNtfy(answer);
			const url = `http://kuma:pass-secret@${host}/topic-secret?auth=query-secret`;
			const { notices, lines } = noticesTo({ url, token: 'tk_token-secret' }, { timeoutMs: 100 });

			const report = await notices.send(notice);

			expect(lines).toHaveLength(1);
			expect(lines.join('\n')).toContain(`http://${host}/***`);
			const error = report.outcome === 'failed' ? report.error : expect.fail('it was sent');
			const told = [...lines, error.message, error.hint, error.stack, JSON.stringify(error)].join('\n');
			expect(told).not.toContain('-secret');
		},
	);
});

describe('trouble that lasts', () => {
	async function send(notices: ReturnType<typeof noticesTo>['notices'], steps: readonly string[]) {
		const outcomes: string[] = [];
		for (const step of steps) {
			const [kind, code] = step.split(' ');
			const { outcome } = await notices.send(
				kind === 'failed' && code !== undefined
					? { kind, code, message: 'm' }
					: { kind: kind === 'recovered' ? kind : 'applied', message: 'm' },
			);
			outcomes.push(outcome);
		}
		return outcomes;
	}

	test('the same trouble is told once until it has passed, and two that alternate once each', async () => {
		const { received, host } = await startNtfy(200);
		const { notices } = noticesTo({ url: `http://${host}/topic` });

		const outcomes = await send(notices, [
			'failed repository-unreachable',
			'failed repository-unreachable',
			'applied',
			'failed repository-unreachable',
			'failed disk-full',
			'failed repository-unreachable',
			'recovered',
			'failed repository-unreachable',
		]);

		expect(outcomes).toEqual(['sent', 'repeated', 'sent', 'repeated', 'sent', 'repeated', 'sent', 'sent']);
		expect(received).toHaveLength(5);
	});

	test('trouble that could not be told is told the next time', async () => {
		const { host } = await startNtfy(404, 200);
		const { notices } = noticesTo({ url: `http://${host}/topic` });

		expect(await send(notices, ['failed a', 'failed a', 'failed a'])).toEqual(['failed', 'sent', 'repeated']);
	});
});
