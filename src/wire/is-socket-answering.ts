import { connect } from 'node:net';
import { withSocketPath } from './socket-path.ts';

const CONNECT_MS = 1_000;

/** @returns whether somebody listens on a Unix socket; a socket that a dead process has left is not answered. */
export async function isSocketAnswering(path: string): Promise<boolean> {
	try {
		return await withSocketPath(path, acceptsConnection);
	} catch {
		// The folder cannot be opened, so nobody can be reached through it.
		return false;
	}
}

function acceptsConnection(path: string): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect({ path, timeout: CONNECT_MS });
		const settle = (isAccepted: boolean) => {
			socket.destroy();
			resolve(isAccepted);
		};
		socket.once('connect', () => settle(true));
		socket.once('timeout', () => settle(false));
		socket.once('error', () => settle(false));
	});
}
