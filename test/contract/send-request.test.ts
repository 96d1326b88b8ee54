import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { sendRequest } from '../../src/wire/send-request.ts';
import { makeCertificate } from '../kit/certificate.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const NEVER = new AbortController().signal;

async function portOf(server: Server & { closeAllConnections(): void }): Promise<number> {
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	onTestFinished(() => {
		server.closeAllConnections();
		server.close();
	});
	return (server.address() as AddressInfo).port;
}

async function serve(answer: RequestListener): Promise<URL> {
	return new URL(`http://127.0.0.1:${await portOf(createServer(answer))}/path?query`);
}

test('a message arrives as it is, with its length, and the answer is told as it is', async () => {
	const received: unknown[] = [];
	const url = await serve(async (request, response) => {
		const { method, headers } = request;
		received.push(method, request.url, headers['content-length'], headers.title, await text(request));
		response.writeHead(418, { 'Retry-After': '7' }).end('grüß Gott');
	});

	const { status, headers, body } = await sendRequest(url, {
		method: 'POST',
		headers: { Title: 'Hello' },
		body: 'Straße 🔑',
		signal: NEVER,
	});

	expect([status, headers['retry-after'], await text(body)]).toEqual([418, '7', 'grüß Gott']);
	expect(received).toEqual(['POST', '/path?query', '12', 'Hello', 'Straße 🔑']);
});

test('TLS is spoken with who has a certificate that is trusted, and with nobody else', async () => {
	const { cert, key } = await makeCertificate(await temporaryDirectory('certificate'), 1);
	const pair = { cert: await readFile(cert), key: await readFile(key) };
	const port = await portOf(createTlsServer(pair, (_request, response) => response.end('secret')));
	const url = new URL(`https://127.0.0.1:${port}/`);

	await expect(sendRequest(url, { signal: NEVER })).rejects.toMatchObject({
		code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
	});

	const trusted = getCACertificates();
	onTestFinished(() => setDefaultCACertificates(trusted));
	setDefaultCACertificates([pair.cert]);
	for (const followsRedirects of [false, true]) {
		const { body } = await sendRequest(url, { signal: NEVER, followsRedirects });
		expect(await text(body)).toBe('secret');
	}
});

test('a redirect is followed only for who wants that, and no other host learns the credentials', async () => {
	const received: unknown[] = [];
	const other = await serve((request, response) => {
		received.push(request.method, request.headers.authorization);
		response.end('elsewhere');
	});
	other.hostname = 'localhost';
	const url = await serve((_request, response) => response.writeHead(302, { Location: other.href }).end());
	const request = { method: 'POST', headers: { Authorization: 'Bearer secret' }, body: 'm' } as const;

	const kept = await sendRequest(url, { ...request, signal: NEVER });
	expect([kept.status, received]).toEqual([302, []]);

	const followed = await sendRequest(url, { ...request, signal: NEVER, followsRedirects: true });
	expect([followed.status, await text(followed.body)]).toEqual([200, 'elsewhere']);
	expect(received).toEqual(['GET', undefined]);
});

test.each([false, true])(
	'what is ended is over with the reason (redirects: %s)',
	async (followsRedirects) => {
		const url = await serve((request, response) => {
			if (request.url === '/half') response.write('half');
		});
		const reason = new Error('it is enough');
		const [silent, dripping, late] = [new AbortController(), new AbortController(), new AbortController()];

		const unanswered = sendRequest(url, { signal: silent.signal, followsRedirects });
		setTimeout(() => silent.abort(reason), 50);
		await expect(unanswered).rejects.toBe(reason);

		const half = new URL('/half', url);
		const answer = await sendRequest(half, { signal: dripping.signal, followsRedirects });
		const reading = buffer(answer.body);
		setTimeout(() => dripping.abort(reason), 50);
		await expect(reading).rejects.toBe(reason);

		const unread = await sendRequest(half, { signal: late.signal, followsRedirects });
		late.abort(reason);
		await expect(once(unread.body, 'close')).rejects.toBe(reason);
		await expect(buffer(unread.body)).rejects.toBe(reason);

		await expect(sendRequest(url, { signal: late.signal, followsRedirects })).rejects.toBe(reason);
	},
);

test('an answer that breaks off is no answer that has ended', async () => {
	const url = await serve((_request, response) => {
		response.writeHead(200, { 'Content-Length': '100' }).write('a part');
		setTimeout(() => response.destroy(), 50);
	});

	const { body } = await sendRequest(url, { signal: NEVER });

	await expect(buffer(body)).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test.each([false, true])(
	'an answer that wants another protocol is none (redirects: %s)',
	async (followsRedirects) => {
		const server = createServer();
		server.on('connection', (socket) =>
			socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'),
		);
		const url = new URL(`http://127.0.0.1:${await portOf(server)}/`);
		const signal = AbortSignal.timeout(2_000);

		await expect(sendRequest(url, { signal, followsRedirects })).rejects.toThrow();
	},
);
