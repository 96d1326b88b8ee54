import { connect, type Socket } from 'node:net';
import { CATALOG } from '../../catalog/index.ts';
import type { UsableConfig } from '../../config/load-config.ts';
import { writeDurably } from '../../files/durable-file.ts';
import { watchStoredBeats } from '../../instance/stored-beats.ts';
import { locateAgent } from '../../kuma/agent-file.ts';
import { fingerprintOf, type KumaStart, kumaEnvironment } from '../../kuma/kuma-environment.ts';
import { KumaSupervisor } from '../../kuma/kuma-supervisor.ts';
import { listProcessTree } from '../../kuma/processes/process-table.ts';
import type { AgentHello, AgentProblems } from '../../model/agent-protocol.ts';
import type { OpenedDatabase } from '../../model/instance.ts';
import type { Log } from '../../model/log.ts';
import type { BeatsEvent } from '../../model/missing-beats.ts';
import { roleOf } from '../../model/role.ts';
import { AgentLink } from '../../reload/agent-link.ts';
import { canReloadEverything, createHotReload, type HotReload } from '../../reload/hot-reload.ts';
import { isSocketAnswering } from '../../wire/is-socket-answering.ts';
import { withSocketPath } from '../../wire/socket-path.ts';
import type { AgentSockets } from './agent-sockets.ts';
import { KumaBeats } from './kuma-beats.ts';

/** How long a Kuma that was left behind may take to say hello. */
const TAKE_OVER_MS = 3_000;

const PROCESSES = {
	stopped: 'none',
	'backing-off': 'none',
	starting: 'starting',
	running: 'running',
	stopping: 'running',
} as const;

/** Kuma as a supervised process, with the agent inside of it and what reloads through that. */
export interface SupervisedKuma {
	readonly supervisor: KumaSupervisor;
	readonly agent: AgentLink;
	readonly reload: HotReload;
	readonly beats: KumaBeats;
	/** Whether Kuma is being restarted because it could not reload. */
	isRestarting(): boolean;
}

/**
 * Puts the parts around one Kuma together; starts nothing.
 * @param parts.onHeld called when Kuma waits at the gate; it must be released.
 * @param parts.onHeard called when the agent of a running Kuma is heard, at first or again.
 * @param parts.onChanged called when Kuma has written to tables of the catalog; what it wrote may not be visible yet.
 * @param parts.onBeats called when no monitor beats any more, and when they do again.
 */
export function superviseKuma(parts: {
	readonly config: Pick<UsableConfig, 'mode' | 'startTimeoutMs' | 'notificationPrefix'>;
	readonly sockets: AgentSockets;
	/** Where Kuma is recorded, and where if it cannot be there. */
	readonly recordPath: string;
	readonly spareRecordPath: string;
	readonly log: Log;
	readonly command: readonly string[];
	readonly cwd: string;
	/** As it is installed; null where that is unknown. */
	readonly kumaVersion: string | null;
	readonly onHeld: () => void;
	readonly onHeard: () => void;
	readonly onChanged: () => void;
	/** Called when Kuma runs and could not be recorded. */
	readonly onRecordFailed: () => void;
	readonly openDatabase: () => Promise<OpenedDatabase>;
	readonly onBeats: (event: BeatsEvent) => void;
}): SupervisedKuma {
	const { config, sockets, log, command, cwd } = parts;
	const agentPath = locateAgent();
	if (agentPath === null)
		log.warning('The agent was not found beside this program; Kuma is restarted for every change');
	const options = {
		startGateMs: config.startTimeoutMs,
		notificationPrefix: config.notificationPrefix,
		watched: Object.fromEntries(CATALOG.map(({ name, volatileColumns = [] }) => [name, volatileColumns])),
	};
	/** As Kuma would be started now: where its agent can listen may change. */
	const start = (): KumaStart => ({
		command,
		cwd,
		env: process.env,
		agent:
			agentPath === null || sockets.next === null
				? null
				: { path: agentPath, options: { ...options, socketPath: sockets.next } },
	});
	let toldProblems: AgentProblems = [];
	/** Kuma's own process, which a wrapper that was recorded may have started. */
	let takenOverPid: number | null = null;
	/** Nobody waits for it, and a cycle tries it again. */
	const untilSettled = (settled: Promise<unknown>) => {
		settled.catch((error: unknown) => log.error('Kuma could not be made as its database is', { error }));
	};
	const agent = new AgentLink({
		connect: () => connectToFirst(sockets.all),
		log,
		onPhase: (hello) => {
			tellCapabilities(hello, log);
			if (hello.phase === 'held') parts.onHeld();
			// What was written while nobody listened was told to nobody.
			if (hello.phase !== 'running') return;
			parts.onHeard();
			untilSettled(reload.catchUp());
		},
		onBeats: (report) => beats.hear(report),
		onProblems: (problems) => {
			if (JSON.stringify(problems) === JSON.stringify(toldProblems)) return;
			toldProblems = problems;
			if (problems.length === 0) log.info('Kuma has taken everything up');
			else log.warning('Kuma could not take everything up; it is tried again', { problems });
		},
		onChanged: (tables) => {
			log.debug('Kuma wrote', { tables });
			parts.onChanged();
		},
	});
	const beats = new KumaBeats({
		hello: () => agent.hello,
		stored: watchStoredBeats(parts.openDatabase),
		onEvent: parts.onBeats,
		log,
	});
	const supervisor = new KumaSupervisor({
		kuma: {
			command,
			cwd,
			env: process.env,
			envOfStart: () => kumaEnvironment(start()),
			recordPath: parts.recordPath,
			spareRecordPath: parts.spareRecordPath,
			canTakeOver: async (pid) => {
				await agent.waitUntilConnected(TAKE_OVER_MS);
				const { hello } = agent;
				// Kuma may be the child of a wrapper, such as npm, that was recorded.
				const isThatOne =
					hello !== null && (hello.pid === pid || (await listProcessTree(pid))?.includes(hello.pid) === true);
				// One that was upgraded on disk runs its old self until it is started anew.
				const isInstalled = parts.kumaVersion === null || hello?.kumaVersion === parts.kumaVersion;
				const isStartedSo = hello?.fingerprint === fingerprintOf(start());
				const canTakeOver = isThatOne && isInstalled && isStartedSo && canReloadEverything(hello);
				if (canTakeOver) takenOverPid = hello.pid;
				return canTakeOver;
			},
			findUnrecorded: async () => {
				const answers = await Promise.all(sockets.all.map(isSocketAnswering));
				if (!answers.includes(true)) return null;
				await agent.waitUntilConnected(TAKE_OVER_MS);
				return agent.hello?.pid ?? null;
			},
			writeDurably: (path, content) => writeDurably(path, content),
			onRecordFailed: parts.onRecordFailed,
		},
		onReady: (ready) => log.info('Kuma is ready', { ...ready, startedInMs: Math.round(ready.startedInMs) }),
		onTakenOver: (pid) => {
			log.info('Took over the Kuma that an earlier run had left behind', { pid });
			untilSettled(reload.adopt(takenOverPid ?? pid));
		},
		onLeftBehindEnded: (pid) => log.warning('Ended a Kuma that an earlier run had left behind', { pid }),
		onRestart: (reason) => log.info('Restarting Kuma', { reason }),
		onCrash: (crash) => log.error('Kuma ended by itself; it is started again', { ...crash }),
		onStartFailed: ({ error, nextStartInMs }) =>
			log.error('Kuma could not be started', { error, nextStartInMs }),
	});
	let isRestarting = false;
	const reload = createHotReload({
		agent,
		log,
		isLeader: config.mode !== null && roleOf(config.mode) === 'leader',
		kuma: {
			process: () => PROCESSES[supervisor.state],
			restart: async (reason) => {
				isRestarting = true;
				try {
					const report = await supervisor.restart(reason);
					if (report.outcome === 'not-running') return report;
					log.info('Kuma was blind while it restarted', { blindMs: Math.round(report.blindMs) });
					return { ...report, reason };
				} finally {
					isRestarting = false;
				}
			},
		},
	});
	return { supervisor, agent, reload, beats, isRestarting: () => isRestarting };
}

/** @returns what the agent cannot do on this Kuma, and why. */
export function missingCapabilities({ capabilities }: AgentHello): Record<string, string> {
	return Object.fromEntries(Object.entries(capabilities).filter(([, found]) => found !== true)) as Record<
		string,
		string
	>;
}

function tellCapabilities(hello: AgentHello, log: Log): void {
	const { phase, kumaVersion } = hello;
	// While Kuma loads, most is missing still.
	if (phase === 'starting') return;
	const missing = missingCapabilities(hello);
	if (phase === 'running' && Object.keys(missing).length > 0)
		log.warning('The agent cannot do everything on this Kuma', { kumaVersion, ...missing });
	else log.debug('The agent in Kuma is connected', { phase, kumaVersion });
}

async function connectToFirst(paths: readonly string[]): Promise<Socket> {
	let failure: unknown = new Error('there is no socket to connect to');
	for (const path of paths) {
		try {
			return await connectTo(path);
		} catch (error) {
			failure = error;
		}
	}
	throw failure;
}

function connectTo(path: string): Promise<Socket> {
	return withSocketPath(
		path,
		(usablePath) =>
			new Promise((resolve, reject) => {
				const socket = connect(usablePath);
				socket.once('connect', () => resolve(socket));
				socket.once('error', reject);
			}),
	);
}
