import { createServer } from 'node:net';
import { acceptsConnection } from '../../wire/accepts-connection.ts';
import { hostsToTry, type ListenAddress } from '../listen-address.ts';

const CONNECT_TIMEOUT_MS = 1_000;

/** @returns whether something accepts a connection at `address`; takes 2 s at most. */
export async function isPortAnswering(address: ListenAddress): Promise<boolean> {
	for (const host of hostsToTry(address)) {
		if (await acceptsConnection({ host, port: address.port, timeout: CONNECT_TIMEOUT_MS })) return true;
	}
	return false;
}

/**
 * @returns whether somebody else listens where Kuma is to listen. What else can be wrong with an address, Kuma says
 * better itself when it starts.
 */
export function isPortTaken(address: ListenAddress): Promise<boolean> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'));
		server.listen({ port: address.port, host: address.host }, () => server.close(() => resolve(false)));
	});
}
