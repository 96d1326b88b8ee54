import { connect, type NetConnectOpts } from 'node:net';

/** @returns whether somebody accepts a connection there, within the target's `timeout` in milliseconds. */
export function acceptsConnection(target: NetConnectOpts & { readonly timeout: number }): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect(target);
		const settle = (isAccepted: boolean) => {
			socket.destroy();
			resolve(isAccepted);
		};
		socket.once('connect', () => settle(true));
		socket.once('timeout', () => settle(false));
		socket.once('error', () => settle(false));
	});
}
