import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface NtfyEvent {
	readonly id: string;
	readonly time: number;
	readonly event: 'open' | 'keepalive' | 'message';
	readonly topic: string;
	readonly tags?: readonly string[];
	readonly title?: string;
	readonly priority?: number;
	readonly message?: string;
}

/** How subscribers are treated. */
export type Treatment =
	| 'well'
	/** The request is taken and never answered. */
	| 'hang'
	/** It is open, and nothing follows. */
	| 'silent'
	/** It is open, and ends at once. */
	| 'cut'
	/** Bytes that are no JSON, and JSON that is no event. */
	| 'garbage'
	/** One line that never ends, as fast as it is read. */
	| 'endless-line'
	/** Messages with these tags, as fast as they are read. */
	| { readonly flood: readonly string[] }
	| { readonly status: number; readonly headers?: Readonly<Record<string, string>> };

export interface NtfyServer {
	/** `http://host:port`, and the prefix. */
	readonly url: string;
	readonly host: string;
	treatment: Treatment;
	/** Path and query of every subscription so far. */
	readonly subscriptions: string[];
	/** Every message so far, also those that were published before anybody listened. */
	readonly messages: NtfyEvent[];
	/** The headers that each message was posted with. */
	readonly posts: IncomingMessage['headers'][];
	/** How many connections are open now. */
	readonly openCount: number;
	/** How many bytes a flood has got rid of. */
	readonly floodedBytes: number;
	publish(topic: string, message: { readonly tags?: readonly string[]; readonly message?: string }): void;
	/** Ends every connection. */
	cut(): void;
	stop(): Promise<void>;
}

export interface NtfyServerOptions {
	readonly keepAliveMs?: number;
	readonly prefix?: string;
	/** The value that every request's Authorization must have. */
	readonly authorization?: string;
	/** Whether `tags` in a subscription's address keeps other messages away; a server need not know of it. */
	readonly filters?: boolean;
}

interface Subscriber {
	readonly topic: string;
	readonly tags: readonly string[];
	readonly response: ServerResponse;
}

/**
 * A server on loopback that speaks as ntfy does: messages are posted to a topic, `<topic>/json` streams them with open
 * and keepalive events, `since` asks for those that were missed, and `tags` for those that have them all.
 */
export async function openNtfyServer(options: NtfyServerOptions = {}): Promise<NtfyServer> {
	const { keepAliveMs = 45_000, prefix = '', authorization, filters = true } = options;
	const subscribers = new Set<Subscriber>();
	let floodedBytes = 0;
	let eventCount = 0;
	const eventOf = (event: NtfyEvent['event'], topic: string): NtfyEvent => {
		eventCount += 1;
		return { id: `id${eventCount}`, time: Math.floor(Date.now() / 1000), event, topic };
	};
	const http = createServer((request, response) => {
		const url = new URL(request.url ?? '/', 'http://server');
		const [, topic = '', isStream] = /^\/([^/]+)(\/json)?$/.exec(url.pathname.slice(prefix.length)) ?? [];
		if (!url.pathname.startsWith(prefix) || topic === '') response.writeHead(404).end();
		else if (authorization !== undefined && request.headers.authorization !== authorization)
			response.writeHead(401).end();
		else if (isStream === undefined) void take(topic, request, response);
		else subscribe(topic, url, response);
	}).listen(0, '127.0.0.1');
	await once(http, 'listening');
	const keepAlive = setInterval(() => {
		for (const { response, topic } of subscribers) write(response, eventOf('keepalive', topic));
	}, keepAliveMs);
	const host = `127.0.0.1:${(http.address() as AddressInfo).port}`;

	const server: NtfyServer = {
		url: `http://${host}${prefix}`,
		host,
		treatment: 'well',
		subscriptions: [],
		messages: [],
		posts: [],
		get openCount() {
			return subscribers.size;
		},
		get floodedBytes() {
			return floodedBytes;
		},
		publish(topic, message) {
			const event = { ...eventOf('message', topic), ...message };
			server.messages.push(event);
			for (const subscriber of subscribers) if (isFor(subscriber, event)) write(subscriber.response, event);
		},
		cut() {
			for (const { response } of subscribers) response.destroy();
		},
		async stop() {
			clearInterval(keepAlive);
			http.closeAllConnections();
			if (http.listening) await new Promise((resolve) => http.close(resolve));
		},
	};
	return server;

	async function take(topic: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk);
		const { headers } = request;
		const tags = String(headers.tags ?? '')
			.split(',')
			.filter((tag) => tag !== '');
		server.posts.push(headers);
		server.publish(topic, {
			...(tags.length === 0 ? {} : { tags }),
			...(headers.title === undefined ? {} : { title: String(headers.title) }),
			...(headers.priority === undefined ? {} : { priority: Number(headers.priority) }),
			message: Buffer.concat(chunks).toString('utf8'),
		});
		response.writeHead(200, { 'Content-Type': 'application/json' });
		response.end(`${JSON.stringify(server.messages.at(-1))}\n`);
	}

	function subscribe(topic: string, url: URL, response: ServerResponse): void {
		const { treatment } = server;
		server.subscriptions.push(`${url.pathname}${url.search}`);
		if (treatment === 'hang') return;
		if (typeof treatment === 'object' && 'status' in treatment) {
			response.writeHead(treatment.status, treatment.headers).end('{"code":40000,"error":"no"}\n');
			return;
		}
		response.writeHead(200, { 'Content-Type': 'application/x-ndjson; charset=utf-8' });
		const tags = (filters ? url.searchParams.get('tags')?.split(',') : null) ?? [];
		const subscriber = { topic, tags, response };
		if (url.searchParams.get('poll') === '1') {
			for (const message of missed(subscriber, url.searchParams.get('since') ?? 'all'))
				write(response, message);
			response.end();
			return;
		}
		write(response, eventOf('open', topic));
		if (treatment === 'cut') response.end();
		else if (treatment === 'garbage')
			response.write(
				Buffer.from([0xff, 0x00, 0x0a, ...Buffer.from('{"event":7}\n[]\nnull\n{"a":{\n"open"\n')]),
			);
		else if (treatment === 'endless-line') pour(response, () => 'x'.repeat(64 * 1024));
		else if (typeof treatment === 'object')
			pour(response, () =>
				line({ ...eventOf('message', topic), tags: treatment.flood, message: 'x'.repeat(1_000) }),
			);
		else if (treatment === 'well') {
			const since = url.searchParams.get('since');
			if (since !== null) for (const message of missed(subscriber, since)) write(response, message);
			subscribers.add(subscriber);
			response.once('close', () => subscribers.delete(subscriber));
		}
	}

	/** As ntfy does: everything when it does not know the id. */
	function missed(subscriber: Subscriber, since: string): NtfyEvent[] {
		const mine = server.messages.filter((message) => isFor(subscriber, message));
		if (/^\d+$/.test(since)) return mine.filter(({ time }) => time >= Number(since));
		const last = server.messages.findIndex(({ id }) => id === since);
		return mine.filter((message) => server.messages.indexOf(message) > last);
	}

	/** Writes as fast as the other side reads. */
	function pour(response: ServerResponse, next: () => string): void {
		const go = () => {
			let isTaken = true;
			while (isTaken && !response.destroyed) {
				const text = next();
				floodedBytes += text.length;
				isTaken = response.write(text);
			}
		};
		response.on('drain', go);
		go();
	}
}

function isFor({ topic, tags }: Subscriber, message: NtfyEvent): boolean {
	return message.topic === topic && tags.every((tag) => message.tags?.includes(tag));
}

function line(event: NtfyEvent): string {
	return `${JSON.stringify(event)}\n`;
}

function write(response: ServerResponse, event: NtfyEvent): void {
	response.write(line(event));
}
