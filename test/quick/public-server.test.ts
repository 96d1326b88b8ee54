import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { publicServer, TEST_TOKEN, testHint } from '../kit/public-server.ts';
import { testStatus } from '../kit/test-status.ts';
import { waitFor } from '../kit/wait-for.ts';

const ROUTES = [
	'/metrics',
	'/api/status',
	'/api/events',
	`/api/snapshots/${'0'.repeat(64)}`,
	'/',
	'/nothing',
];
const SEALED = new Uint8Array([1, 2, 3]);

/** Opens a connection and writes to it as it is. */
async function rawConnection(port: number, text: string) {
	const socket = connect(port, '127.0.0.1');
	onTestFinished(() => void socket.destroy());
	let received = '';
	const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
	socket.on('error', () => undefined);
	socket.on('data', (chunk: Buffer) => {
		received += chunk.toString('latin1');
	});
	await once(socket, 'connect');
	socket.write(text);
	return { socket, ended, received: () => received };
}

const head = (path: string, lines: readonly string[] = []) =>
	[`GET ${path} HTTP/1.1`, 'Host: localhost', `Authorization: Bearer ${TEST_TOKEN}`, ...lines, '', ''].join(
		'\r\n',
	);

/** Reads an event stream until `isEnough` holds of its text. */
async function readEvents(response: Response, isEnough: (text: string) => boolean): Promise<string> {
	const decoder = new TextDecoder();
	let text = '';
	for await (const chunk of response.body ?? []) {
		text += decoder.decode(chunk, { stream: true });
		if (isEnough(text)) return text;
	}
	return text;
}

describe('who may ask', () => {
	test.each(ROUTES)('%s is for those with the token alone, and says nothing to others', async (path) => {
		const { url } = await publicServer();
		const headers = [
			'',
			'Bearer ',
			`Bearer ${TEST_TOKEN}x`,
			`Bearer ${TEST_TOKEN.slice(1)}`,
			`Basic ${TEST_TOKEN}`,
		];

		for (const authorization of headers) {
			const response = await fetch(`${url}${path}`, { headers: authorization ? { authorization } : {} });

			expect(response.status).toBe(401);
			expect(response.headers.get('www-authenticate')).toContain('Bearer');
			expect(await response.json()).toMatchObject({ error: { code: 'unauthorized' } });
		}
	});

	test('health is for everybody, tells the reason, and nothing else', async () => {
		let reason: string | null = null;
		const health = () =>
			reason === null ? { isHealthy: true as const } : { isHealthy: false as const, reason };
		const { url } = await publicServer({ health });

		const good = await fetch(`${url}/healthz`);
		reason = 'Replication has not succeeded.';
		const bad = await fetch(`${url}/healthz`);

		expect([good.status, await good.text()]).toEqual([200, 'healthy\n']);
		expect([bad.status, await bad.text()]).toEqual([503, 'Replication has not succeeded.\n']);
	});

	test('on loopback no token is needed, but a name that leads there from elsewhere is refused', async () => {
		const { url, port } = await publicServer({ token: null });

		expect((await fetch(`${url}/api/status`)).status).toBe(200);
		const evil = await rawConnection(port, 'GET /api/status HTTP/1.1\r\nHost: evil.example\r\n\r\n');
		await waitFor(() => evil.received().includes('\r\n\r\n'), { timeoutMs: 10_000, what: 'an answer' });

		expect(evil.received()).toMatch(/^HTTP\/1\.1 401 /);
	});

	test('without a token nobody listens beyond loopback', async () => {
		await expect(publicServer({ token: null, listen: { host: '0.0.0.0', port: 0 } })).rejects.toThrow(
			'a token',
		);
	});
});

describe('what is answered', () => {
	test('the status as it is, as JSON', async () => {
		const { ask } = await publicServer({ status: () => testStatus({ lagMs: 5 }) });

		const response = await ask('/api/status');

		expect(response.status).toBe(200);
		expect(await response.json()).toEqual(testStatus({ lagMs: 5 }));
	});

	test('metrics as OpenMetrics', async () => {
		const { ask } = await publicServer();

		const response = await ask('/metrics');

		expect(response.headers.get('content-type')).toMatch(/^application\/openmetrics-text/);
		expect(await response.text()).toMatch(/replicator_kuma_kuma_running 1\n(.*\n)*# EOF\n$/);
	});

	test('how often each thing was asked for and how that was answered, whatever paths strangers make up', async () => {
		const { ask, url } = await publicServer();
		for (const path of ['/healthz', '/healthz', '/api/nothing', '/%00/monitor', '/api/snapshots/x'])
			await ask(path);
		await fetch(`${url}/api/status`);

		const counted = (await (await ask('/metrics')).text()).match(/^replicator_kuma_http_requests_total.*$/gm);

		expect(counted?.sort()).toEqual([
			'replicator_kuma_http_requests_total{route="/api/snapshots/:digest",status="404"} 1',
			'replicator_kuma_http_requests_total{route="/api/status",status="401"} 1',
			'replicator_kuma_http_requests_total{route="/healthz",status="200"} 2',
			'replicator_kuma_http_requests_total{route="other",status="404"} 2',
		]);
	});

	test('the sealed content of the newest snapshot, and of no other', async () => {
		const { ask, feed } = await publicServer();
		feed.announce(testHint(1), async () => SEALED);

		const found = await ask(`/api/snapshots/${testHint(1).digest}`);
		const missing = await ask(`/api/snapshots/${testHint(2).digest}`);

		expect([found.status, new Uint8Array(await found.arrayBuffer())]).toEqual([200, SEALED]);
		expect(missing.status).toBe(404);
	});

	test('a content that cannot be sealed is an answer without the reason, and a line in the log', async () => {
		const warnings: unknown[] = [];
		const log = { debug() {}, info() {}, error() {}, warning: (...line: unknown[]) => warnings.push(line) };
		const { ask, feed } = await publicServer({ log });
		feed.announce(testHint(1), () => Promise.reject(new Error('secret-reason')));

		const response = await ask(`/api/snapshots/${testHint(1).digest}`);

		expect(response.status).toBe(503);
		expect(await response.text()).not.toContain('secret-reason');
		expect(warnings).toHaveLength(1);
	});

	test('no events and no content on an instance that announces nothing', async () => {
		const { ask } = await publicServer({ feed: null });

		expect((await ask('/api/events')).status).toBe(404);
		expect((await ask(`/api/snapshots/${testHint(1).digest}`)).status).toBe(404);
	});

	test('nothing is stored, framed or guessed at by a browser, whatever the answer', async () => {
		const { ask } = await publicServer();

		for (const path of ['/healthz', '/api/status', '/nothing']) {
			const { headers } = await ask(path);
			expect(headers.get('cache-control')).toBe('no-store');
			expect(headers.get('x-content-type-options')).toBe('nosniff');
			expect(headers.get('content-security-policy')).toContain("default-src 'none'");
			expect(headers.get('access-control-allow-origin')).toBeNull();
		}
	});

	test.each(['POST', 'PUT', 'DELETE'])('nothing can be changed: %s is not found', async (method) => {
		const { ask } = await publicServer();
		const headers = { authorization: `Bearer ${TEST_TOKEN}` };

		expect((await ask('/api/status', { method, headers })).status).toBe(404);
	});

	test('a request with a body is refused before it is read', async () => {
		const { ask } = await publicServer();
		const headers = { authorization: `Bearer ${TEST_TOKEN}` };

		const response = await ask('/api/status', { method: 'POST', headers, body: 'x' });

		expect(response.status).toBe(413);
		expect(response.headers.get('connection')).toBe('close');
	});
});

describe('events', () => {
	test('the newest snapshot is told at once, and each newer one when it is announced', async () => {
		const { ask, feed } = await publicServer();
		feed.announce(testHint(1), async () => null);
		feed.announce(testHint(2), async () => null);
		const response = await ask('/api/events');
		expect(response.headers.get('content-type')).toBe('text/event-stream');

		const text = await readEvents(response, (read) => {
			if (read.includes('id: 2\n\n')) feed.announce(testHint(3, { isKept: true }), async () => null);
			return read.includes('id: 3\n\n');
		});

		expect(text).toBe(
			[
				': hello\n\n',
				`event: snapshot\ndata: ${JSON.stringify(testHint(2))}\nid: 2\n\n`,
				`event: snapshot\ndata: ${JSON.stringify(testHint(3, { isKept: true }))}\nid: 3\n\n`,
			].join(''),
		);
	});

	test('a withdrawal is told, and whoever connects behind it is told that there is nothing', async () => {
		const { ask, feed } = await publicServer();
		feed.announce(testHint(1), async () => null);
		const told = `event: withdrawn\ndata: ${JSON.stringify({ instanceId: 'leader' })}\n\n`;

		const listening = await readEvents(await ask('/api/events'), (read) => {
			if (read.includes('id: 1\n\n')) feed.withdraw();
			return read.includes('withdrawn');
		});
		const late = await readEvents(await ask('/api/events'), (read) => read.includes('withdrawn'));

		expect(listening).toBe(
			[': hello\n\n', `event: snapshot\ndata: ${JSON.stringify(testHint(1))}\nid: 1\n\n`, told].join(''),
		);
		expect(late).toBe([': hello\n\n', told].join(''));
	});

	test('signs of life come while nothing happens', async () => {
		const { ask } = await publicServer({ limits: { heartbeatMs: 20 } });

		const text = await readEvents(
			await ask('/api/events'),
			(read) => read.split(': heartbeat\n\n').length > 3,
		);

		expect(text).toMatch(/^: hello\n\nevent: withdrawn\ndata: .+\n\n(: heartbeat\n\n){3,}/);
	});

	test('a client that goes is forgotten, and one too many is sent away', async () => {
		const server = await publicServer({ limits: { eventClientsMax: 2 } });
		const clients = [new AbortController(), new AbortController()];
		for (const { signal } of clients) {
			const headers = { authorization: `Bearer ${TEST_TOKEN}` };
			await server.ask('/api/events', { headers, signal });
		}
		await waitFor(() => server.eventClientCount === 2, { timeoutMs: 10_000, what: 'two clients' });

		const third = await server.ask('/api/events');
		clients[0]?.abort();
		await waitFor(() => server.eventClientCount === 1, { timeoutMs: 10_000, what: 'one client less' });

		expect(third.status).toBe(503);
		expect(third.headers.get('retry-after')).toBe('30');
		expect((await server.ask('/api/status')).status).toBe(200);
	});

	test('a client that does not read is ended, and nobody who announces waits for it', async () => {
		const server = await publicServer({ limits: { silenceMs: 1_000, heartbeatMs: 100 } });
		const { socket } = await rawConnection(server.port, head('/api/events'));
		await waitFor(() => server.eventClientCount === 1, { timeoutMs: 10_000, what: 'the client' });
		socket.pause();

		// As many as it takes until nothing more fits on the way to it.
		const deadline = performance.now() + 50_000;
		for (let generation = 1; server.eventClientCount > 0 && performance.now() < deadline; generation += 1) {
			server.feed.announce(testHint(generation), async () => null);
			await nextTurn();
		}

		expect(server.eventClientCount).toBe(0);
	});

	test('asking for the head of the events alone leaves no client behind', async () => {
		const server = await publicServer();
		const headers = { authorization: `Bearer ${TEST_TOKEN}` };

		const response = await server.ask('/api/events', { method: 'HEAD', headers });

		expect(response.status).toBe(200);
		await waitFor(() => server.eventClientCount === 0, { timeoutMs: 10_000, what: 'no client' });
	});
});

describe('hostile clients', () => {
	test('headers that never end are not waited for', async () => {
		const { port } = await publicServer({ limits: { headersMs: 200 } });
		const { socket, ended, received } = await rawConnection(
			port,
			'GET /healthz HTTP/1.1\r\nHost: localhost\r\n',
		);
		const drip = setInterval(() => socket.write('X-Drip: 1\r\n'), 50);
		onTestFinished(() => clearInterval(drip));

		await ended;

		expect(received()).toMatch(/^HTTP\/1\.1 408 /);
	});

	test('a connection on which nobody says anything is ended', async () => {
		const { port } = await publicServer({ limits: { silenceMs: 200 } });

		const { ended, received } = await rawConnection(port, '');
		await ended;

		expect(received()).toBe('');
	});

	test('headers that are too large are refused', async () => {
		const { port } = await publicServer();
		const { ended, received } = await rawConnection(
			port,
			head('/healthz', [`X-Large: ${'x'.repeat(20_000)}`]),
		);

		await ended;

		expect(received()).toMatch(/^HTTP\/1\.1 431 /);
	});

	test('an answer that nobody takes does not hold a connection for ever', async () => {
		const server = await publicServer({ limits: { answerMs: 300 } });
		const large = new Uint8Array(64 * 1024 * 1024);
		server.feed.announce(testHint(1), async () => large);
		const { socket, ended } = await rawConnection(server.port, '');
		let bytes = 0;
		socket.removeAllListeners('data');
		// A little at a time: the connection is never silent.
		socket.on('data', (chunk: Buffer) => {
			bytes += chunk.length;
			socket.pause();
			setTimeout(() => socket.resume(), 20);
		});

		socket.write(head(`/api/snapshots/${testHint(1).digest}`));
		await ended;

		expect(bytes).toBeLessThan(large.length);
	});

	test('more connections than there may be are dropped, and those that are there go on', async () => {
		const { port } = await publicServer({ limits: { connectionsMax: 2 } });
		const kept = [await rawConnection(port, ''), await rawConnection(port, '')] as const;

		const dropped = await rawConnection(port, head('/healthz')).catch(() => null);
		await dropped?.ended;
		kept[0].socket.write(head('/healthz'));
		await waitFor(() => kept[0].received().includes('healthy'), { timeoutMs: 10_000, what: 'an answer' });

		expect(dropped?.received() ?? '').toBe('');
	});

	test.each([
		'GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n',
		'GET //evil HTTP/1.1\r\nHost: @:\r\n\r\n',
		'GET /%00/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n',
		'GET /api/snapshots/..%2f..%2fetc HTTP/1.1\r\nHost: localhost\r\n\r\n',
		'nonsense\r\n\r\n',
	])('%j is refused, and the server goes on', async (text) => {
		const { port, ask } = await publicServer();
		const { received } = await rawConnection(port, text);

		await waitFor(() => received().includes('\r\n'), { timeoutMs: 10_000, what: 'an answer' });

		expect(received()).toMatch(/^HTTP\/1\.1 4\d\d /);
		expect((await ask('/healthz')).status).toBe(200);
	});
});

describe('at the end', () => {
	test('who listens to events is told by the end of the stream, at once', async () => {
		const server = await publicServer({ limits: { closeMs: 30_000 } });
		server.feed.announce(testHint(1), async () => null);
		const response = await server.ask('/api/events');
		// Without being asked, a connection would stay for some seconds.
		expect(response.headers.get('connection')).toBe('close');
		const text = readEvents(response, () => false);
		await waitFor(() => server.eventClientCount === 1, { timeoutMs: 10_000, what: 'the client' });

		await server.close();

		expect(await text).toContain('id: 1\n\n');
		expect(server.eventClientCount).toBe(0);
		await expect(fetch(server.url)).rejects.toThrow();
	});

	test('who does not end by himself is ended', async () => {
		const server = await publicServer({ limits: { closeMs: 100 } });
		const { ended } = await rawConnection(server.port, 'GET /healthz HTTP/1.1\r\n');

		await server.close();

		await ended;
	});
});

test('an address that somebody else has is a problem of the configuration, with the way out', async () => {
	const other = createServer().listen(0, '127.0.0.1');
	await once(other, 'listening');
	onTestFinished(() => void other.close());
	const { port } = other.address() as AddressInfo;

	await expect(publicServer({ port })).rejects.toMatchObject({
		code: 'configuration-invalid',
		message: `Cannot listen at 127.0.0.1:${port}: EADDRINUSE.`,
	});
});
