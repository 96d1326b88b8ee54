import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type AgentRequest, NO_CHANGES } from '../model/agent-protocol.ts';
import { startAgent } from './agent.ts';

/** As much of Kuma as a reload of monitors needs. Its monitors start only while `mayStart`. */
const KUMA = {
	'server/uptime-kuma-server.js': `
		const server = { monitorList: {}, maintenanceList: {}, httpServer: { listening: true } };
		exports.UptimeKumaServer = { getInstance: () => server };`,
	'server/model/monitor.js': `
		module.exports = class Monitor {
			static mayStart = false;
			static started = [];
			constructor(id) { Object.assign(this, { id, active: 1 }); }
			start() {
				if (!Monitor.mayStart) throw new Error('SQLITE_BUSY: database is locked');
				Monitor.started.push(this.id);
			}
			stop() {}
		};`,
	'node_modules/redbean-node/index.js': `
		const Monitor = require('../../server/model/monitor.js');
		exports.R = { find: async (table, where, ids) => (table === 'monitor' ? ids.map((id) => new Monitor(id)) : []) };`,
};

/** The agent in this process, inside of files that are loaded as Kuma's are. */
async function startInKuma() {
	const root = await realpath(await mkdtemp(join(tmpdir(), 'kuma-')));
	onTestFinished(() => rm(root, { recursive: true }));
	for (const [path, text] of Object.entries({ ...KUMA, 'server/server.js': '' })) {
		await mkdir(dirname(join(root, path)), { recursive: true });
		await writeFile(join(root, path), text);
	}
	const socketPath = join(root, 'agent.sock');
	startAgent(
		{ root, version: '2.5.3' },
		{ socketPath, fingerprint: 'it', startGateMs: null, notificationPrefix: '', watched: {} },
	);
	const requireOfKuma = createRequire(join(root, 'server', 'server.js'));
	for (const path of Object.keys(KUMA)) requireOfKuma(join(root, path));
	requireOfKuma(join(root, 'server/server.js'));
	const Monitor = requireOfKuma(join(root, 'server/model/monitor.js'));
	return { Monitor, ask: asker(await open(socketPath)) };
}

async function open(path: string): Promise<Socket> {
	for (;;) {
		const socket = connect(path);
		const isOpen = await new Promise((resolve) => {
			socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
		});
		if (!isOpen) continue;
		onTestFinished(() => {
			socket.destroy();
		});
		return socket;
	}
}

/** Asks one after the other. */
function asker(socket: Socket) {
	const lines = createInterface(socket)[Symbol.asyncIterator]();
	return async (request: AgentRequest): Promise<unknown> => {
		socket.write(`${JSON.stringify({ id: 1, ...request })}\n`);
		for (;;) {
			const message = JSON.parse((await lines.next()).value ?? '');
			if ('id' in message) return message.result ?? message.error;
		}
	};
}

test('what is tried again in the middle of an apply starts nothing that is stopped for it', async () => {
	vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
	onTestFinished(() => {
		vi.useRealTimers();
	});
	const { Monitor, ask } = await startInKuma();
	const row = (id: number) => ({ table: 'monitor', key: [id], kind: 'changed', columns: [] }) as const;
	const changes = { ...NO_CHANGES, rows: [row(7)] };
	expect(() => new Monitor(8).start()).toThrow('locked');
	Monitor.mayStart = true;

	await ask({ method: 'stop', changes, leaseMs: 60_000 });
	vi.advanceTimersByTime(30_000);
	await ask({ method: 'renew', leaseMs: 30_000 });
	// Answered after everything that began before.
	await ask({ method: 'stop', changes, leaseMs: 30_000 });
	expect(Monitor.started).toEqual([]);
	await ask({ method: 'reload', changes });

	expect(Monitor.started.toSorted()).toEqual([7, 8]);
});
