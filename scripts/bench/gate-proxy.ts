import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands between a replica and its leader, lets the events through, and refuses what snapshots are made of. */
export interface GateProxy {
	readonly url: string;
	close(): Promise<void>;
}

const CONTENT = '/api/snapshots/';

/** So a replica hears from its leader and has to fetch from the repository. */
export async function openGateProxy(leaderPort: number): Promise<GateProxy> {
	const server = createServer((request, response) => {
		const { method, url = '/', headers } = request;
		if (url.startsWith(CONTENT)) {
			response.writeHead(404).end();
			return;
		}
		const upstream = forward(
			{ host: '127.0.0.1', port: leaderPort, method, path: url, headers },
			(answer) => {
				response.writeHead(answer.statusCode ?? 502, answer.headers);
				answer.pipe(response);
			},
		);
		upstream.once('error', () => response.destroy());
		response.once('close', () => upstream.destroy());
		request.pipe(upstream);
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		close: async () => {
			server.closeAllConnections();
			server.close();
			await once(server, 'close');
		},
	};
}
