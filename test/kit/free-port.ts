import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below what systems give to outgoing connections: a port from there may be gone before anybody listens on it. */
const FIRST_PORT = 12_000;
const PORTS_PER_WORKER = 2_000;
const WORKERS_MAX = 10;

/** Workers of Vitest run one file at a time, each with ports of its own; programs beside them have the last ones. */
const worker = Math.min(Number(process.env.VITEST_POOL_ID ?? WORKERS_MAX), WORKERS_MAX) - 1;
let offset = Math.floor(Math.random() * PORTS_PER_WORKER);

/** @returns a TCP port on loopback that nobody listens on, and that nobody else gets before it has gone round. */
export async function freePort(): Promise<number> {
	for (let attempt = 0; attempt < PORTS_PER_WORKER; attempt += 1) {
		offset = (offset + 1) % PORTS_PER_WORKER;
		const port = FIRST_PORT + worker * PORTS_PER_WORKER + offset;
		if (await isFree(port)) return port;
	}
	throw new Error(`no TCP port from ${FIRST_PORT} on is free`);
}

async function isFree(port: number): Promise<boolean> {
	const server = createServer().listen(port, '127.0.0.1');
	try {
		await once(server, 'listening');
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
		throw error;
	}
	server.close();
	await once(server, 'close');
	return true;
}
