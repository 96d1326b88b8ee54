import { acceptsConnection } from './accepts-connection.ts';
import { withSocketPath } from './socket-path.ts';

const CONNECT_MS = 1_000;

/** @returns whether somebody listens on a Unix socket; a socket that a dead process has left is not answered. */
export async function isSocketAnswering(path: string): Promise<boolean> {
	try {
		return await withSocketPath(path, (short) => acceptsConnection({ path: short, timeout: CONNECT_MS }));
	} catch {
		// The folder cannot be opened, so nobody can be reached through it.
		return false;
	}
}
