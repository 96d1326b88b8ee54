import { chmodSync, unlinkSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import {
	AGENT_LINE_BYTES_MAX,
	type AgentAnswer,
	type AgentEvent,
	type AgentRequest,
} from '../model/agent-protocol.ts';
import { createLineReader } from '../wire/line-reader.ts';
import { withSocketPath } from '../wire/socket-path.ts';
import { agentLog, guarded } from './agent-log.ts';
import { describeError } from './describe-error.ts';
import { readRequest } from './read-request.ts';

export interface AgentServer {
	/** Sends an event to everybody who is connected. */
	tell(event: AgentEvent): void;
}

/**
 * Listens on a Unix socket (0600). Requests of one connection are answered in their order.
 * @param handlers.onClosed called when a client is gone, however it went.
 * @param handlers.onUnreachable called when nobody can connect.
 */
export function serveAgent(
	socketPath: string,
	handlers: {
		readonly onRequest: (client: object, request: AgentRequest) => Promise<unknown>;
		readonly onClosed: (client: object) => void;
		/** Called when it cannot listen. */
		readonly onUnreachable: () => void;
	},
): AgentServer {
	const clients = new Set<Socket>();
	const server = createServer((socket) => {
		clients.add(socket);
		// A connection alone keeps no Kuma from ending.
		socket.unref();
		socket.on('error', () => {});
		socket.on('close', () => {
			clients.delete(socket);
			guarded('following the end of a connection', () => handlers.onClosed(socket));
		});
		let last = Promise.resolve();
		const reader = createLineReader({
			bytesMax: AGENT_LINE_BYTES_MAX,
			onLine: (line) => {
				last = last.then(async () => send(socket, await answer(line, socket, handlers.onRequest)));
			},
			tooLong: 'stop',
			onTooLong: () => {
				agentLog(`a request of more than ${AGENT_LINE_BYTES_MAX} bytes was refused`);
				socket.destroy();
			},
		});
		socket.on('data', reader.read);
	});
	const fail = (error: unknown) => {
		agentLog('the agent cannot be reached', error);
		guarded('doing without a connection', handlers.onUnreachable);
	};
	server.on('error', fail);
	server.unref();
	removeSocket(socketPath);
	withSocketPath(
		socketPath,
		(usablePath) =>
			new Promise<void>((resolve) => {
				const mask = process.umask(0o177);
				server.listen(usablePath, () => {
					guarded('protecting the socket', () => chmodSync(usablePath, 0o600));
					resolve();
				});
				server.once('error', () => resolve());
				process.umask(mask);
			}),
	).catch(fail);
	process.on('exit', () => removeSocket(socketPath));
	return {
		tell: (event) => {
			for (const socket of clients) send(socket, event);
		},
	};
}

async function answer(
	line: string,
	client: object,
	onRequest: (client: object, request: AgentRequest) => Promise<unknown>,
): Promise<AgentAnswer> {
	let id = 0;
	try {
		const message = JSON.parse(line) as { readonly id?: unknown } | null;
		if (Number.isSafeInteger(message?.id)) id = Number(message?.id);
		return { id, result: (await onRequest(client, readRequest(message))) ?? null };
	} catch (error) {
		return { id, error: describeError(error) };
	}
}

/** What a client does not read piles up in Kuma's memory; one that has stopped reading is dropped. */
function send(socket: Socket, message: AgentAnswer | AgentEvent): void {
	if (!socket.writable) return;
	socket.write(`${JSON.stringify(message)}\n`);
	if (socket.writableLength <= AGENT_LINE_BYTES_MAX) return;
	agentLog('a client that does not read was dropped');
	socket.destroy();
}

function removeSocket(path: string): void {
	try {
		unlinkSync(path);
	} catch {
		// There is none, as it should be.
	}
}
