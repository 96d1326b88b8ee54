import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Something on loopback for a monitor to look at: it is always up. */
export interface HttpTarget {
	readonly url: string;
	stop(): Promise<void>;
}

export async function startHttpTarget(): Promise<HttpTarget> {
	const server = createServer((_request, response) => response.end('up')).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
		stop: async () => {
			server.close();
			server.closeAllConnections();
			await once(server, 'close');
		},
	};
}
