import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface ScriptedLeader {
	readonly url: string;
	/** What was asked for so far. */
	readonly requests: readonly IncomingMessage[];
}

/** Something that answers instead of a leader, as it likes. It ends with the test. */
export async function scriptedLeader(
	answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<ScriptedLeader> {
	const requests: IncomingMessage[] = [];
	const server = createServer((request, response) => {
		requests.push(request);
		answer(request, response);
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	onTestFinished(async () => {
		server.close();
		server.closeAllConnections();
		await once(server, 'close');
	});
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}
