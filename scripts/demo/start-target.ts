import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Something on loopback that the demo's monitors find up. */
export interface Target {
	readonly url: string;
	readonly port: number;
	close(): void;
}

/** What a keyword monitor looks for. */
export const TARGET_TEXT = 'All is well';

/**
 * Answers everything with {@link TARGET_TEXT}. That makes it an HTTP proxy, too: a client sends the same request
 * there, only with the whole address in it.
 */
export async function startTarget(): Promise<Target> {
	const server = createServer((_request, response) => {
		response.setHeader('content-type', 'text/plain');
		response.end(`${TARGET_TEXT}\n`);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	return {
		url: `http://127.0.0.1:${port}/`,
		port,
		close: () => {
			server.close();
			server.closeAllConnections();
		},
	};
}
