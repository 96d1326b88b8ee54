import { setTimeout as delay } from 'node:timers/promises';
import {
	AGENT_PROTOCOL,
	type AgentChanges,
	type AgentHello,
	type AgentOptions,
	type AgentProblems,
	type AgentRequest,
	NO_CHANGES,
	type ReloadResult,
} from '../model/agent-protocol.ts';
import { agentLog } from './agent-log.ts';
import { describeError } from './describe-error.ts';
import { findCapabilities, type Hooked } from './kuma/capabilities.ts';
import { watchWrites } from './kuma/change-events.ts';
import type { FoundKuma } from './kuma/find-kuma.ts';
import { readKuma } from './kuma/kuma.ts';
import { hookModules } from './kuma/module-hooks.ts';
import {
	FIXED_WORDS_FILES,
	prefixNotifications,
	sendMessageInsteadOfFixedWords,
} from './kuma/notification-prefix.ts';
import { addServerAccess } from './kuma/server-access.ts';
import { MaintenanceZone } from './lists/maintenance-zone.ts';
import { mergeChanges, type OpenChanges } from './lists/merge-changes.ts';
import { wholeTable } from './lists/whole-table.ts';
import { Beats } from './monitors/beats.ts';
import { dropLateBeats } from './monitors/late-beats.ts';
import { Lease } from './monitors/lease.ts';
import { MonitorStarts } from './monitors/monitor-starts.ts';
import { stopMonitors } from './monitors/restart-monitors.ts';
import { affectedMonitors, type Reloaded, reload } from './reload.ts';
import { serveAgent } from './serve.ts';
import { StartGate } from './start-gate.ts';
import { Unfinished } from './unfinished.ts';

declare const __PRODUCT_VERSION__: string;

/** As many as anybody reads. */
const PROBLEMS_MAX = 10;
const LISTENING_POLL_MS = 100;

/** Puts the agent's parts into the Kuma that is about to be loaded, and listens. */
export function startAgent(found: FoundKuma, options: AgentOptions): void {
	const { root } = found;
	const starts = new MonitorStarts(noteFailedStart);
	const zone = new MaintenanceZone();
	const beats = new Beats({
		readKuma: () => readKuma(root),
		onReport: (report) => server.tell({ event: 'beats', report }),
	});
	const hooked: Hooked = {
		hasGate: false,
		hasMonitorStarts: false,
		hasZone: false,
		hasPrefix: false,
		hasChangeEvents: false,
		hasBeats: false,
		access: null,
	};
	const gate = new StartGate({
		holdMs: options.startGateMs,
		onPhase: (phase) => server.tell({ event: 'phase', phase }),
	});
	const lease = new Lease((changes) => {
		agentLog('an apply was not finished; Kuma takes up what the database has');
		takeUpAlone(changes);
	});
	const unfinished = new Unfinished(() => takeUpAlone(NO_CHANGES));
	const server = serveAgent(options.socketPath, {
		onRequest: handle,
		onClosed: (client) => lease.abandon(client),
		onUnreachable: () => gate.giveUp(),
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
					// Before beats are noted: a late one is none.
					const isWatched = dropLateBeats(() => readKuma(root), starts);
					hooked.hasBeats = isWatched && beats.install(readKuma(root).beans);
					hooked.hasChangeEvents = watchWrites(readKuma(root).beans, options.watched, (tables) =>
						server.tell({ event: 'changed', tables }),
					);
				});
			},
		},
		'server/uptime-kuma-server.js': {
			onLoaded: (exports) => beats.hearErrors((exports as { UptimeKumaServer?: unknown })?.UptimeKumaServer),
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

	let told: AgentProblems = [];
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
				return inTurn(() => takeUp(lease.settle(request.changes)));
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
			problems: problemsNow(),
			beats: beats.report,
		};
	}

	async function release(timezone: string | null): Promise<null> {
		// Too late for the start: what has loaded its maintenances by now must load them anew.
		if (gate.phase === 'running') await takeUpUnlessStopped({ ...NO_CHANGES, timezone });
		else setZoneAtStart(timezone);
		gate.release();
		return null;
	}

	async function stop(client: object, request: AgentRequest & { method: 'stop' }): Promise<number> {
		lease.begin(client, request.changes, request.leaseMs);
		if (gate.phase !== 'running') return 0;
		await untilLoaded();
		const { stopped, failed } = await stopMonitors(readKuma(root), starts, affectedMonitors(request.changes));
		// The reload that follows stops them once more, and tries again what still fails then.
		for (const { problem } of failed) agentLog(problem);
		return stopped;
	}

	/** Nobody asked for it, so nobody hears what comes of it. */
	function takeUpAlone(changes: AgentChanges): void {
		inTurn(() => takeUpUnlessStopped(changes)).catch((error: unknown) =>
			agentLog('the reload failed', error),
		);
	}

	/** In the middle of an apply, what is stopped for it would start by rows of before; its end takes everything along. */
	async function takeUpUnlessStopped(changes: AgentChanges): Promise<void> {
		if (!lease.join(changes)) await takeUp(changes);
	}

	/** What was stopped must not stay so: what fails is tried again, by itself or by whoever asks next. */
	async function takeUp(changes: AgentChanges): Promise<ReloadResult> {
		const all = mergeChanges(unfinished.take(), changes);
		const { failures, ...result } = await reloadNow(all).catch((error: unknown) => {
			unfinished.settle(all, [`the reload failed: ${describeError(error)}`]);
			tellProblems();
			throw error;
		});
		unfinished.settle(result.unfinished, result.problems);
		tellProblems();
		if (failures.length > 0) throw failures[0];
		const { isStarting, started, stopped, problems, durationMs } = result;
		return { isStarting, started, stopped, problems, durationMs };
	}

	async function reloadNow(changes: OpenChanges): Promise<Reloaded & Pick<ReloadResult, 'isStarting'>> {
		if (gate.phase !== 'running') {
			setZoneAtStart(changes.timezone);
			const nothing = { started: 0, stopped: 0, problems: [], unfinished: null, failures: [], durationMs: 0 };
			return { isStarting: true, ...nothing };
		}
		await untilLoaded();
		const parts = { kuma: readKuma(root), starts, zone, access: hooked.access };
		return { isStarting: false, ...(await reload(parts, changes)) };
	}

	/** Kuma has loaded no maintenance yet. */
	function setZoneAtStart(timezone: string | null | undefined): void {
		zone.set(timezone);
		zone.settle();
	}

	/** Kuma itself tries nothing again. */
	function noteFailedStart(id: number | 'all', error: unknown): void {
		const reason = describeError(error);
		const row = { table: 'monitor', key: [id], kind: 'changed', columns: [] } as const;
		if (id === 'all')
			unfinished.add({ ...NO_CHANGES, rows: [wholeTable('monitor')] }, `no monitor was started: ${reason}`);
		else unfinished.add({ ...NO_CHANGES, rows: [row] }, `monitor ${id} could not be started: ${reason}`);
		tellProblems();
	}

	function problemsNow(): AgentProblems {
		const maintenances = Object.values(readKuma(root).server?.maintenanceList ?? {});
		const all = [...unfinished.problems, ...zone.problems(maintenances)];
		if (all.length <= PROBLEMS_MAX) return all;
		return [...all.slice(0, PROBLEMS_MAX), `and ${all.length - PROBLEMS_MAX} more`];
	}

	function tellProblems(): void {
		const problems = problemsNow();
		if (JSON.stringify(problems) === JSON.stringify(told)) return;
		told = problems;
		server.tell({ event: 'problems', problems });
	}

	/** Until Kuma has read at its start what a reload reads; it would be loaded, and run, twice. */
	async function untilLoaded(): Promise<void> {
		if (hooked.hasMonitorStarts && hooked.access?.wrapStartMonitors !== undefined) return starts.loaded;
		// Monitors are not reloaded on such a Kuma, and everything else is loaded before it listens.
		const isListening = () => readKuma(root).server?.httpServer?.listening ?? true;
		while (!isListening()) await delay(LISTENING_POLL_MS);
	}
}
