import { setTimeout as delay } from 'node:timers/promises';
import type {
	AgentChanges,
	AgentHello,
	AgentOptions,
	AgentRequest,
	ReloadResult,
} from '../model/agent-protocol.ts';
import { AGENT_PROTOCOL } from '../model/agent-protocol.ts';
import { agentLog } from './agent-log.ts';
import { findCapabilities, type Hooked } from './capabilities.ts';
import { watchWrites } from './change-events.ts';
import type { FoundKuma } from './find-kuma.ts';
import { readKuma } from './kuma.ts';
import { Lease } from './lease.ts';
import { MaintenanceZone } from './maintenance-zone.ts';
import { hookModules } from './module-hooks.ts';
import { MonitorStarts } from './monitor-starts.ts';
import {
	FIXED_WORDS_FILES,
	prefixNotifications,
	sendMessageInsteadOfFixedWords,
} from './notification-prefix.ts';
import { affectedMonitors, reload } from './reload.ts';
import { stopMonitors } from './restart-monitors.ts';
import { serveAgent } from './serve.ts';
import { addServerAccess } from './server-access.ts';
import { StartGate } from './start-gate.ts';

declare const __PRODUCT_VERSION__: string;

/** How soon a reload that failed, such as for a locked database, is tried again. */
const RETRY_MS = 5_000;
const LISTENING_POLL_MS = 100;

const NOTHING: AgentChanges = {
	rows: [],
	retaggedMonitors: [],
	relinkedMonitors: [],
	settings: [],
	timezone: null,
};

/** Puts the agent's parts into the Kuma that is about to be loaded, and listens. */
export function startAgent(found: FoundKuma, options: AgentOptions): void {
	const { root } = found;
	const starts = new MonitorStarts();
	const zone = new MaintenanceZone();
	const hooked: Hooked = {
		hasGate: false,
		hasMonitorStarts: false,
		hasZone: false,
		hasPrefix: false,
		hasChangeEvents: false,
		access: null,
	};
	const gate = new StartGate({
		holdMs: options.startGateMs,
		onPhase: (phase) => server.tell({ event: 'phase', phase }),
	});
	const lease = new Lease((changes) => {
		agentLog('an apply was not finished; Kuma takes up what the database has');
		inTurn(() => takeUp(lease, changes)).catch((error: unknown) => agentLog('the reload failed', error));
	});
	const server = serveAgent(options.socketPath, {
		onRequest: handle,
		onClosed: (client) => lease.abandon(client),
	});
	const withoutPrefix = options.notificationPrefix === '';
	const fixedWords = withoutPrefix
		? []
		: FIXED_WORDS_FILES.map((path) => [path, { onSource: sendMessageInsteadOfFixedWords }] as const);
	hookModules(root, {
		...Object.fromEntries(fixedWords),
		'server/server.js': {
			onSource: (source) =>
				addServerAccess(source, (access) => {
					hooked.access = access;
					starts.watch(access);
				}),
			onLoaded: () => {
				if (!hooked.hasGate) gate.skip();
			},
		},
		'server/database.js': {
			onLoaded: (database) => {
				hooked.hasGate = gate.install(database, () => {
					hooked.hasChangeEvents = watchWrites(readKuma(root).beans, options.watched, (tables) =>
						server.tell({ event: 'changed', tables }),
					);
				});
			},
		},
		'server/notification.js': {
			onLoaded: (exports) => {
				const { Notification } = (exports ?? {}) as { Notification?: unknown };
				hooked.hasPrefix = prefixNotifications(Notification, options.notificationPrefix);
			},
		},
		'server/model/monitor.js': {
			onLoaded: (Monitor) => {
				hooked.hasMonitorStarts = starts.install(Monitor);
			},
		},
		'server/model/maintenance.js': {
			onLoaded: (Maintenance) => {
				hooked.hasZone = zone.install(Maintenance);
			},
		},
	});

	let turn: Promise<unknown> = Promise.resolve();
	function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
		const result = turn.then(work);
		turn = result.catch(() => undefined);
		return result;
	}

	async function handle(client: object, request: AgentRequest): Promise<unknown> {
		switch (request.method) {
			case 'hello':
				return hello();
			case 'release':
				return inTurn(() => release(request.timezone));
			case 'stop':
				return inTurn(() => stop(client, request));
			case 'renew':
				lease.renew(request.leaseMs);
				return null;
			case 'reload':
				return inTurn(() => takeUp(client, request.changes));
		}
	}

	function hello(): AgentHello {
		return {
			protocol: AGENT_PROTOCOL,
			productVersion: __PRODUCT_VERSION__,
			kumaVersion: found.version,
			pid: process.pid,
			fingerprint: options.fingerprint,
			phase: gate.phase,
			capabilities: findCapabilities(readKuma(root), hooked),
		};
	}

	async function release(timezone: string | null): Promise<null> {
		// Too late for the start: what has loaded its maintenances by now must load them anew.
		if (gate.phase === 'running') await reloadNow({ ...NOTHING, timezone });
		else zone.set(timezone);
		gate.release();
		return null;
	}

	async function stop(client: object, request: AgentRequest & { method: 'stop' }): Promise<number> {
		lease.begin(client, request.changes, request.leaseMs);
		if (gate.phase !== 'running') return 0;
		await untilLoaded();
		return stopMonitors(readKuma(root), starts, affectedMonitors(request.changes));
	}

	/** What was stopped must not stay so: a reload that fails is tried again, by itself or by whoever asks next. */
	async function takeUp(owner: object, changes: AgentChanges): Promise<ReloadResult> {
		const all = lease.settle(changes);
		try {
			return await reloadNow(all);
		} catch (error) {
			lease.begin(owner, all, RETRY_MS);
			throw error;
		}
	}

	async function reloadNow(changes: AgentChanges): Promise<ReloadResult> {
		if (gate.phase !== 'running') {
			zone.set(changes.timezone);
			return { isStarting: true, started: 0, stopped: 0, problems: [], durationMs: 0 };
		}
		await untilLoaded();
		return reload({ kuma: readKuma(root), starts, zone, access: hooked.access }, changes);
	}

	/** Until Kuma has read at its start what a reload reads; it would be loaded, and run, twice. */
	async function untilLoaded(): Promise<void> {
		if (hooked.hasMonitorStarts && hooked.access?.wrapStartMonitors !== undefined) return starts.loaded;
		// Monitors are not reloaded on such a Kuma, and everything else is loaded before it listens.
		const isListening = () => readKuma(root).server?.httpServer?.listening ?? true;
		while (!isListening()) await delay(LISTENING_POLL_MS);
	}
}
