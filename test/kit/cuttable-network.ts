import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A network in front of a server of this machine, which can be cut without either side noticing. */
export interface CuttableNetwork {
	readonly port: number;
	/** From now on nothing arrives any more: in neither direction, or nothing that the server says. */
	cut(what: 'everything' | 'answers'): void;
	/** For new connections, and for old ones as far as nothing of them was lost. */
	mend(): void;
}

/** Opens one; it is gone when the running test ends. */
export async function cuttableNetwork(serverPort: number): Promise<CuttableNetwork> {
	const sockets: Socket[] = [];
	let lost: 'everything' | 'answers' | 'nothing' = 'nothing';
	const forward = (from: Socket, to: Socket, isLost: () => boolean) => {
		sockets.push(from);
		from.on('data', (chunk) => isLost() || to.write(chunk));
		from.on('error', () => undefined);
		from.on('close', () => isLost() || to.destroy());
	};
	const proxy = createServer((near) => {
		const far = connect(serverPort, '127.0.0.1');
		forward(near, far, () => lost === 'everything');
		forward(far, near, () => lost !== 'nothing');
	}).listen(0, '127.0.0.1');
	await once(proxy, 'listening');
	onTestFinished(() => {
		for (const socket of sockets) socket.destroy();
		proxy.close();
	});
	const address = proxy.address();
	if (address === null || typeof address === 'string') throw new Error('no port');
	return {
		port: address.port,
		cut: (what) => {
			lost = what;
		},
		mend: () => {
			lost = 'nothing';
		},
	};
}
