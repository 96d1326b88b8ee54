import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import helmet from 'helmet';
import Router from 'router';
import { formatListening, isLoopback, type Listening } from '../config/value-schemas.ts';
import type { SnapshotFeed } from '../fleet/snapshot-feed.ts';
import type { Log } from '../model/log.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import type { Status } from '../model/status.ts';
import type { Health } from './health.ts';
import type { Metrics } from './metrics.ts';

/** Milliseconds, counts and bytes. */
export interface PublicServerLimits {
	readonly connectionsMax: number;
	/** Of the connections, those that stay: there is always one left for who asks for health. */
	readonly eventClientsMax: number;
	/** For a request's head; the whole of it may take twice as long. */
	readonly headersMs: number;
	/** For any answer but events, until its last byte is sent. */
	readonly answerMs: number;
	/** A connection on which nothing moves for so long is ended. More than `heartbeatMs`. */
	readonly silenceMs: number;
	/** From one sign of life to the next on an event stream. */
	readonly heartbeatMs: number;
	/** How long answers under way are waited for at the end. */
	readonly closeMs: number;
}

const LIMITS: PublicServerLimits = {
	connectionsMax: 256,
	eventClientsMax: 200,
	headersMs: 10_000,
	answerMs: 120_000,
	silenceMs: 30_000,
	heartbeatMs: 10_000,
	closeMs: 1_000,
};
const ROUTES = new Set(['/healthz', '/metrics', '/api/status', '/api/events']);
const SNAPSHOTS = '/api/snapshots/';
const HEADER_BYTES_MAX = 8 * 1024;
/** How often headers that do not come to an end are looked for. */
const CHECK_MS = 1_000;
const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';

export interface PublicServerOptions {
	readonly listen: Listening;
	/** Null only on loopback. */
	readonly token: string | null;
	readonly status: () => Status;
	readonly health: () => Health;
	readonly metrics: Pick<Metrics, 'contentType' | 'render' | 'observeRequest'>;
	/** What this leader announces; null on a replica, which has no events. */
	readonly feed: SnapshotFeed | null;
	readonly log: Log;
	readonly limits?: Partial<PublicServerLimits>;
}

export interface PublicServer {
	/** Where it listens, with the port that it got. */
	readonly url: string;
	/** How many listen to events at the moment. */
	readonly eventClientCount: number;
	/** Ends event streams, gives other answers a moment, and ends everything. */
	close(): Promise<void>;
}

/** Goes on to whoever is next, or fails. */
type Next = (error?: unknown) => void;

/**
 * Answers other machines over HTTP: health for everybody, and with the fleet's token metrics, status, events and the
 * sealed content of the newest snapshot. Nothing can be changed here.
 * @throws ReplicatorError `configuration-invalid` when it cannot listen there, or must not without a token; retryable
 * where that may pass.
 */
export async function servePublic(options: PublicServerOptions): Promise<PublicServer> {
	const { listen, token, log } = options;
	if (token === null && !isLoopback(listen.host)) throw withoutToken();
	const limits = { ...LIMITS, ...options.limits };
	const closing = new AbortController();
	const eventClients = new Set<ServerResponse>();
	const answer = answerRoutes(options, { limits, eventClients, closing: closing.signal });
	const mayAsk = token === null ? isForThisMachine : hasToken(token);
	const server = createServer(
		{
			headersTimeout: limits.headersMs,
			requestTimeout: 2 * limits.headersMs,
			connectionsCheckingInterval: Math.min(CHECK_MS, limits.headersMs),
			maxHeaderSize: HEADER_BYTES_MAX,
		},
		(request, response) => {
			const path = pathOf(request);
			response.once('close', () => {
				if (!response.headersSent) return;
				options.metrics.observeRequest({ route: routeOf(path), status: response.statusCode });
			});
			response.setHeader('Cache-Control', 'no-store');
			setSecureHeaders(request, response, () => {
				if (hasBody(request)) refuseBody(response);
				else if (path !== '/healthz' && !mayAsk(request)) refuseStranger(response, token);
				else
					answer(request, response, (error) => {
						// What cannot be decoded is no name of anything.
						if (error === undefined || error === null || error instanceof URIError) return notFound(response);
						log.warning('A request over HTTP could not be answered', { path, error });
						if (response.headersSent) response.destroy();
						else refuse(response, 503, { code: 'failed', message: 'This cannot be answered now.' });
					});
			});
		},
	);
	server.maxConnections = limits.connectionsMax;
	server.timeout = limits.silenceMs;
	await listenAt(server, listen);
	// Such as that there is no file to open left for a connection.
	server.on('error', (error) => log.warning('The HTTP server is in trouble', { error }));
	const { port } = server.address() as AddressInfo;
	return {
		url: `http://${formatListening({ host: listen.host, port })}`,
		get eventClientCount() {
			return eventClients.size;
		},
		async close() {
			const closed = once(server, 'close');
			server.close();
			closing.abort();
			const late = setTimeout(() => server.closeAllConnections(), limits.closeMs);
			await closed;
			clearTimeout(late);
		},
	};
}

const setSecureHeaders = helmet({
	contentSecurityPolicy: {
		useDefaults: false,
		directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
	},
	// Whether there is TLS in front of it is not ours to say.
	strictTransportSecurity: false,
});

function answerRoutes(
	options: PublicServerOptions,
	parts: {
		readonly limits: PublicServerLimits;
		readonly eventClients: Set<ServerResponse>;
		readonly closing: AbortSignal;
	},
): (request: IncomingMessage, response: ServerResponse, next: Next) => void {
	const { feed } = options;
	const { limits, eventClients, closing } = parts;
	const routes = new Router({ caseSensitive: true, strict: true });
	const inTime = answerWithin(limits.answerMs);
	routes.get('/healthz', inTime, (_request, response) => {
		const health = options.health();
		if (health.isHealthy) send(response, 200, { type: TEXT, body: 'healthy\n' });
		else send(response, 503, { type: TEXT, body: `${health.reason}\n` });
	});
	routes.get('/metrics', inTime, async (_request, response) => {
		const body = await options.metrics.render();
		send(response, 200, { type: options.metrics.contentType, body });
	});
	routes.get('/api/status', inTime, (_request, response) => {
		send(response, 200, { type: JSON_TYPE, body: JSON.stringify(options.status()) });
	});
	routes.get('/api/events', async (request, response) => {
		if (feed === null) return notFound(response);
		if (eventClients.size >= limits.eventClientsMax) {
			response.setHeader('Retry-After', '30');
			refuse(response, 503, { code: 'overloaded', message: 'Too many listen to events already.' });
			return;
		}
		await streamEvents(response, { request, feed, heartbeatMs: limits.heartbeatMs, eventClients, closing });
	});
	routes.get(`${SNAPSHOTS}:digest`, inTime, async (request, response) => {
		const content = (await feed?.content(request.params.digest)) ?? null;
		if (content === null) return notFound(response);
		send(response, 200, { type: 'application/octet-stream', body: content });
	});
	return routes;
}

/**
 * Tells at once which snapshot the leader stands by, or that there is none, and each change of that, with signs of life
 * in between. A client that does not read is written nothing more: there is one loop for each client, which knows what it
 * told last, and no queue.
 */
async function streamEvents(
	response: ServerResponse,
	parts: {
		readonly request: IncomingMessage;
		readonly feed: SnapshotFeed;
		readonly heartbeatMs: number;
		readonly eventClients: Set<ServerResponse>;
		readonly closing: AbortSignal;
	},
): Promise<void> {
	const { request, feed, heartbeatMs, eventClients, closing } = parts;
	// The connection is of no further use; kept alive, it would hold the end of the server up.
	response.writeHead(200, { 'Content-Type': 'text/event-stream', Connection: 'close' });
	if (request.method === 'HEAD') {
		response.end();
		return;
	}
	const gone = new AbortController();
	response.once('close', () => gone.abort());
	const signal = AbortSignal.any([closing, gone.signal]);
	const write = async (text: string) => {
		if (!response.write(text)) await once(response, 'drain', { signal });
	};
	eventClients.add(response);
	try {
		let told: unknown = null;
		await write(': hello\n\n');
		while (!signal.aborted) {
			const { newest, withdrawal } = feed;
			if (newest !== null && newest !== told) {
				await write(`event: snapshot\ndata: ${JSON.stringify(newest)}\nid: ${newest.generation}\n\n`);
				told = newest;
			} else if (withdrawal !== null && withdrawal !== told) {
				await write(`event: withdrawn\ndata: ${JSON.stringify(withdrawal)}\n\n`);
				told = withdrawal;
			} else if (!(await nextAnnouncement(feed, { timeoutMs: heartbeatMs, signal }))) {
				await write(': heartbeat\n\n');
			}
		}
	} catch (error) {
		if (!signal.aborted) throw error;
	} finally {
		eventClients.delete(response);
		response.end();
	}
}

/** @returns whether something was announced before the time was up, or the signal aborted. */
function nextAnnouncement(
	feed: SnapshotFeed,
	wait: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
	return new Promise((resolve) => {
		const end = (isAnnounced: boolean) => {
			clearTimeout(timer);
			unsubscribe();
			wait.signal.removeEventListener('abort', stop);
			resolve(isAnnounced);
		};
		const stop = () => end(false);
		const timer = setTimeout(stop, wait.timeoutMs);
		const unsubscribe = feed.subscribe(() => end(true));
		wait.signal.addEventListener('abort', stop);
	});
}

/** Somebody who reads a byte now and then must not hold a connection for ever. */
function answerWithin(ms: number) {
	return (_request: IncomingMessage, response: ServerResponse, next: Next) => {
		const late = setTimeout(() => response.destroy(), ms);
		response.once('close', () => clearTimeout(late));
		next();
	};
}

/** No route takes a body, so none is read. */
function hasBody({ headers }: IncomingMessage): boolean {
	return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

function refuseBody(response: ServerResponse): void {
	response.setHeader('Connection', 'close');
	refuse(response, 413, { code: 'too-large', message: 'No request may have a body here.' });
}

function hasToken(token: string): (request: IncomingMessage) => boolean {
	const expected = sha256(`Bearer ${token}`);
	// Both are hashed: the comparison takes the same time for any text of any length.
	return ({ headers }) => timingSafeEqual(sha256(headers.authorization ?? ''), expected);
}

/** Without a token, a page in a browser on this machine could ask under a name of its own that leads here. */
function isForThisMachine({ headers }: IncomingMessage): boolean {
	const hostname = URL.parse(`http://${headers.host}`)?.hostname ?? '';
	return isLoopback(hostname.replace(/^\[|\]$/g, ''));
}

function refuseStranger(response: ServerResponse, token: string | null): void {
	if (token === null) {
		const message = 'Without REPLICATOR_TOKEN only localhost is answered, under that name.';
		refuse(response, 401, { code: 'unauthorized', message });
		return;
	}
	response.setHeader('WWW-Authenticate', 'Bearer realm="replicator-kuma"');
	refuse(response, 401, {
		code: 'unauthorized',
		message: 'Send the fleet\'s REPLICATOR_TOKEN as "Authorization: Bearer …".',
	});
}

function pathOf({ url = '' }: IncomingMessage): string {
	return url.split('?', 1)[0] ?? '';
}

/** Strangers choose paths as they like, so what is counted is what there is. */
function routeOf(path: string): string {
	if (path.startsWith(SNAPSHOTS)) return `${SNAPSHOTS}:digest`;
	return ROUTES.has(path) ? path : 'other';
}

function notFound(response: ServerResponse): void {
	refuse(response, 404, { code: 'not-found', message: 'Not found.' });
}

function refuse(
	response: ServerResponse,
	status: 401 | 404 | 413 | 503,
	error: { readonly code: string; readonly message: string },
): void {
	send(response, status, { type: JSON_TYPE, body: JSON.stringify({ error }) });
}

function send(
	response: ServerResponse,
	status: number,
	{ type, body }: { readonly type: string; readonly body: string | Uint8Array },
): void {
	response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) }).end(body);
}

function sha256(text: string): Buffer {
	return createHash('sha256').update(text).digest();
}

async function listenAt(server: Server, { host, port }: Listening): Promise<void> {
	try {
		server.listen(port, host);
		await once(server, 'listening');
	} catch (cause) {
		const reason = (cause as NodeJS.ErrnoException).code ?? 'for a reason unknown';
		throw new ReplicatorError(`Cannot listen at ${formatListening({ host, port })}: ${reason}.`, {
			code: 'configuration-invalid',
			hint: 'Choose another address or port in REPLICATOR_LISTEN, or stop the process that uses it.',
			isRetryable: true,
			cause,
		});
	}
}

function withoutToken(): ReplicatorError {
	return new ReplicatorError('Nothing answers over HTTP without a token: REPLICATOR_TOKEN cannot be used.', {
		code: 'configuration-invalid',
		hint: 'Correct REPLICATOR_TOKEN, or the file that it is read from, or listen on this machine only.',
		isRetryable: true,
	});
}
