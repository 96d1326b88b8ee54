import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RecordedRequest {
	/** Absolute, such as `http://shop.example/a`. */
	readonly url: string;
	readonly method: string;
	readonly body: string;
}

export interface RecordedAnswer {
	readonly status?: number;
	readonly body?: string;
}

/**
 * The whole web, for one Kuma: it stands in `http_proxy` and `https_proxy` of that Kuma, answers for every host, and
 * keeps what was sent. What Kuma sends to an https address through such a proxy comes in clear.
 */
export interface HttpRecorder {
	readonly url: string;
	readonly requests: readonly RecordedRequest[];
	/** @returns the requests to addresses that begin so. */
	to(prefix: string): RecordedRequest[];
	stop(): Promise<void>;
}

/** What a request gets, now or later; null: `200` and `up`. */
export type Answer = (request: RecordedRequest) => RecordedAnswer | null | Promise<RecordedAnswer | null>;

/** @param answer without one, every request gets `200` and `up`. */
export async function startHttpRecorder(answer: Answer = () => null): Promise<HttpRecorder> {
	const requests: RecordedRequest[] = [];
	const server = createServer(async (incoming, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of incoming) chunks.push(chunk as Buffer);
		const url = new URL(incoming.url ?? '', `http://${incoming.headers.host}`).href;
		const request = { url, method: incoming.method ?? '', body: Buffer.concat(chunks).toString() };
		requests.push(request);
		const { status = 200, body = 'up' } = (await answer(request)) ?? {};
		const type = body.startsWith('{') ? 'application/json' : 'text/plain';
		response.writeHead(status, { 'content-type': type }).end(body);
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		requests,
		to: (prefix) => requests.filter(({ url }) => url.startsWith(prefix)),
		stop: async () => {
			server.close();
			server.closeAllConnections();
			await once(server, 'close');
		},
	};
}
