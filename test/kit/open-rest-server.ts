import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from './free-port.ts';
import { waitFor } from './wait-for.ts';

export interface RestServer {
	/** For RESTIC_REPOSITORY: the way through the proxy. */
	readonly location: string;
	/** Method and path of every request so far. */
	readonly requests: string[];
	/** Answers instead of the server where it returns true. */
	intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
	/** The folder that the repository lies in. */
	readonly directory: string;
	/** Ends the server and its proxy: nobody listens any more. */
	stop(): Promise<void>;
}

/** restic's REST backend on loopback (`rclone serve restic`), behind a proxy that counts requests and can fail. */
export async function openRestServer(options: {
	readonly flags?: readonly string[];
	readonly directory: string;
}): Promise<RestServer> {
	const { directory } = options;
	const port = await freePort();
	const rclone = spawn(
		'rclone',
		['serve', 'restic', '--addr', `127.0.0.1:${port}`, ...(options.flags ?? []), directory],
		{ stdio: 'ignore' },
	);
	const ended = once(rclone, 'exit');
	const requests: string[] = [];
	const proxy = createServer((request, response) => {
		requests.push(`${request.method} ${request.url}`);
		if (!server.intercept(request, response)) pass(request, response, port);
	}).listen(0, '127.0.0.1');
	await once(proxy, 'listening');
	const server: RestServer = {
		location: `rest:http://127.0.0.1:${(proxy.address() as AddressInfo).port}/`,
		requests,
		intercept: () => false,
		directory,
		stop: async () => {
			proxy.closeAllConnections();
			if (proxy.listening) await new Promise((resolve) => proxy.close(resolve));
			rclone.kill();
			await ended;
		},
	};
	try {
		await waitFor(() => answers(port), { timeoutMs: 15_000, what: 'rclone serves restic' });
	} catch (error) {
		await server.stop();
		throw error;
	}
	return server;
}

function pass(request: IncomingMessage, response: ServerResponse, port: number): void {
	const { method, url, headers } = request;
	const upstream = forward({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
		response.writeHead(answer.statusCode ?? 502, answer.headers);
		answer.pipe(response);
	});
	upstream.once('error', () => response.destroy());
	request.pipe(upstream);
}

async function answers(port: number): Promise<boolean> {
	try {
		await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1_000) });
		return true;
	} catch {
		// Nobody listens yet.
		return false;
	}
}
