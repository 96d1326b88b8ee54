import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that the target has answered. */
interface Hit {
	readonly path: string;
	/** As of performance.now(). */
	readonly atMs: number;
}

/** Something on loopback for a monitor to look at: it is up, at every path but those that are made to fail. */
export interface HttpTarget {
	readonly url: string;
	/** Paths that answer 503. */
	readonly failing: Set<string>;
	/** Every request so far, in order. */
	readonly hits: readonly Hit[];
	stop(): Promise<void>;
}

export async function startHttpTarget(): Promise<HttpTarget> {
	const hits: Hit[] = [];
	const failing = new Set<string>();
	const server = createServer((request, response) => {
		const path = request.url ?? '';
		hits.push({ path, atMs: performance.now() });
		if (failing.has(path)) response.statusCode = 503;
		response.end('up');
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
		failing,
		hits,
		stop: async () => {
			server.close();
			server.closeAllConnections();
			await once(server, 'close');
		},
	};
}
