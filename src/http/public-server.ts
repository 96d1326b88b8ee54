import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { streamSSE } from 'hono/streaming';
import { formatListening, isLoopback, type Listening } from '../config/value-schemas.ts';
import type { Log } from '../model/log.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import type { Status } from '../model/status.ts';
import type { Health } from './health.ts';
import type { Metrics } from './metrics.ts';
import type { SnapshotFeed } from './snapshot-feed.ts';

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

type App = { Bindings: HttpBindings };

/**
 * Answers other machines over HTTP: health for everybody, and with the fleet's token metrics, status, events and the
 * sealed content of the newest snapshot. Nothing can be changed here.
 * @throws ReplicatorError `configuration-invalid` when it cannot listen there.
 */
export async function servePublic(options: PublicServerOptions): Promise<PublicServer> {
	const { listen, token } = options;
	if (token === null && !isLoopback(listen.host)) throw new Error('a token is a must beyond loopback');
	const limits = { ...LIMITS, ...options.limits };
	const closing = new AbortController();
	const eventClients = new Set<object>();
	const app = new Hono<App>();
	app.use(
		secureHeaders({
			contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
			// Whether there is TLS in front of it is not ours to say.
			strictTransportSecurity: false,
		}),
		async (context, next) => {
			context.header('Cache-Control', 'no-store');
			await next();
			const route = routeOf(context.req.path);
			options.metrics.observeRequest({ route, status: context.res.status });
		},
		refuseBodies,
		token === null ? refuseForeignNames : requireToken(token),
	);
	const inTime = answerWithin(limits.answerMs);
	app.get('/healthz', inTime, (context) => {
		const health = options.health();
		return health.isHealthy ? context.text('healthy\n') : context.text(`${health.reason}\n`, 503);
	});
	app.get('/metrics', inTime, async (context) => {
		const text = await options.metrics.render();
		return context.body(text, 200, { 'Content-Type': options.metrics.contentType });
	});
	app.get('/api/status', inTime, (context) => context.json(options.status()));
	app.get('/api/events', (context) => {
		if (options.feed === null) return notFound(context);
		if (eventClients.size >= limits.eventClientsMax) {
			context.header('Retry-After', '30');
			return refuse(context, 503, { code: 'overloaded', message: 'Too many listen to events already.' });
		}
		return streamEvents(context, { feed: options.feed, limits, eventClients, signal: closing.signal });
	});
	app.get(`${SNAPSHOTS}:digest`, inTime, async (context) => {
		const content = (await options.feed?.content(context.req.param('digest'))) ?? null;
		if (content === null) return notFound(context);
		return context.body(new Uint8Array(content), 200, { 'Content-Type': 'application/octet-stream' });
	});
	app.notFound(notFound);
	app.onError((error, context) => {
		options.log.warning('A request over HTTP could not be answered', { path: context.req.path, error });
		return refuse(context, 503, { code: 'failed', message: 'This cannot be answered now.' });
	});
	const server = createAdaptorServer({
		fetch: app.fetch,
		overrideGlobalObjects: false,
		serverOptions: {
			headersTimeout: limits.headersMs,
			requestTimeout: 2 * limits.headersMs,
			connectionsCheckingInterval: Math.min(CHECK_MS, limits.headersMs),
			maxHeaderSize: HEADER_BYTES_MAX,
		},
	}) as Server;
	server.maxConnections = limits.connectionsMax;
	server.timeout = limits.silenceMs;
	await listenAt(server, listen);
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

/**
 * Tells the newest snapshot at once, and each newer one, with signs of life in between. Whoever does not read is written
 * nothing more: there is one loop a client, which knows what it told last, and no queue.
 */
function streamEvents(
	context: Context<App>,
	parts: {
		readonly feed: SnapshotFeed;
		readonly limits: PublicServerLimits;
		readonly eventClients: Set<object>;
		readonly signal: AbortSignal;
	},
): Response {
	const { feed, limits, eventClients, signal: closing } = parts;
	const response = streamSSE(context, async (stream) => {
		const gone = new AbortController();
		stream.onAbort(() => gone.abort());
		// Also where nobody ever reads the stream, as for HEAD.
		context.env.outgoing.once('close', () => stream.abort());
		const signal = AbortSignal.any([closing, gone.signal]);
		eventClients.add(stream);
		try {
			let told: unknown = null;
			await stream.write(': hello\n\n');
			while (!signal.aborted) {
				const { newest } = feed;
				if (newest !== null && newest !== told) {
					const id = String(newest.generation);
					await stream.writeSSE({ event: 'snapshot', id, data: JSON.stringify(newest) });
					told = newest;
				} else if (!(await nextAnnouncement(feed, { timeoutMs: limits.heartbeatMs, signal }))) {
					await stream.write(': heartbeat\n\n');
				}
			}
		} finally {
			eventClients.delete(stream);
		}
	});
	// The connection is of no further use; kept alive, it would hold the end of the server up.
	response.headers.set('Connection', 'close');
	return response;
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

/** No route takes a body, so none is read. */
const refuseBodies: MiddlewareHandler<App> = async (context, next) => {
	const { headers } = context.env.incoming;
	if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0)
		return next();
	context.header('Connection', 'close');
	return refuse(context, 413, { code: 'too-large', message: 'No request may have a body here.' });
};

/** Health is for everybody: for load balancers, and for containers that check themselves. */
function requireToken(token: string): MiddlewareHandler<App> {
	const expected = sha256(`Bearer ${token}`);
	return async (context, next) => {
		// Both are hashed: the comparison takes the same time for any text of any length.
		const given = sha256(context.req.header('authorization') ?? '');
		if (timingSafeEqual(given, expected) || context.req.path === '/healthz') return next();
		context.header('WWW-Authenticate', 'Bearer realm="replicator-kuma"');
		return refuse(context, 401, {
			code: 'unauthorized',
			message: 'Send the fleet\'s REPLICATOR_TOKEN as "Authorization: Bearer …".',
		});
	};
}

/** Without a token, a page in a browser on this machine could ask under a name of its own that leads here. */
const refuseForeignNames: MiddlewareHandler<App> = async (context, next) => {
	const { hostname } = new URL(context.req.url);
	if (isLoopback(hostname.replace(/^\[|\]$/g, '')) || context.req.path === '/healthz') return next();
	return refuse(context, 401, {
		code: 'unauthorized',
		message: 'Without REPLICATOR_TOKEN only localhost is answered, under that name.',
	});
};

/** Somebody who reads a byte now and then must not hold a connection for ever. */
function answerWithin(ms: number): MiddlewareHandler<App> {
	return async (context, next) => {
		const { outgoing } = context.env;
		const late = setTimeout(() => outgoing.destroy(), ms);
		outgoing.once('close', () => clearTimeout(late));
		await next();
	};
}

/** Strangers choose paths as they like, so what is counted is what there is. */
function routeOf(path: string): string {
	if (path.startsWith(SNAPSHOTS)) return `${SNAPSHOTS}:digest`;
	return ROUTES.has(path) ? path : 'other';
}

function notFound(context: Context<App>): Response {
	return refuse(context, 404, { code: 'not-found', message: 'There is nothing here.' });
}

function refuse(
	context: Context<App>,
	status: 401 | 404 | 413 | 503,
	error: { readonly code: string; readonly message: string },
): Response {
	return context.json({ error }, status);
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
			hint: 'Choose another address or port in REPLICATOR_LISTEN, or end who has it.',
			cause,
		});
	}
}
