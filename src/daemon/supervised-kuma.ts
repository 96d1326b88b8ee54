import { connect, type Socket } from 'node:net';
import { CATALOG } from '../catalog/index.ts';
import type { Config } from '../config/load-config.ts';
import { locateAgent } from '../kuma/agent-file.ts';
import { KumaSupervisor } from '../kuma/kuma-supervisor.ts';
import { listProcessTree } from '../kuma/process-table.ts';
import type { AgentHello } from '../model/agent-protocol.ts';
import type { Log } from '../model/log.ts';
import { AgentLink } from '../reload/agent-link.ts';
import { createHotReload, type HotReload } from '../reload/hot-reload.ts';
import { withSocketPath } from '../socket/socket-path.ts';
import type { StatePaths } from './data-directory.ts';
import { writeDurably } from './durable-file.ts';
import { fingerprintOf, type KumaStart, kumaEnvironment } from './kuma-environment.ts';

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
	/** Whether Kuma is being restarted because it could not reload. */
	isRestarting(): boolean;
}

/**
 * Puts the parts around one Kuma together; starts nothing.
 * @param parts.onHeld called when Kuma waits at the gate; it must be released.
 * @param parts.onHeard called when the agent of a running Kuma is heard, at first or again.
 * @param parts.onChanged called when Kuma has written to tables of the catalog; what it wrote may not be visible yet.
 */
export function superviseKuma(parts: {
	readonly config: Config;
	readonly paths: StatePaths;
	readonly log: Log;
	readonly command: readonly string[];
	readonly cwd: string;
	/** As it is installed; null where that is unknown. */
	readonly kumaVersion: string | null;
	readonly onHeld: () => void;
	readonly onHeard: () => void;
	readonly onChanged: () => void;
}): SupervisedKuma {
	const { config, paths, log, command, cwd } = parts;
	const agentPath = locateAgent();
	if (agentPath === null)
		log.warning('The agent was not found beside this program; Kuma is restarted for every change');
	const options = {
		socketPath: paths.agentSocket,
		startGateMs: config.startTimeoutMs,
		notificationPrefix: config.notificationPrefix,
		watched: Object.fromEntries(CATALOG.map(({ name, volatileColumns = [] }) => [name, volatileColumns])),
	};
	const start: KumaStart = {
		command,
		cwd,
		env: process.env,
		agent: agentPath === null ? null : { path: agentPath, options },
	};
	const agent = new AgentLink({
		connect: () => connectTo(paths.agentSocket),
		log,
		onPhase: (hello) => {
			tellCapabilities(hello, log);
			if (hello.phase === 'held') parts.onHeld();
			// What was written while nobody listened was told to nobody.
			if (hello.phase === 'running') parts.onHeard();
		},
		onChanged: (tables) => {
			log.debug('Kuma wrote', { tables });
			parts.onChanged();
		},
	});
	const supervisor = new KumaSupervisor({
		kuma: {
			command,
			cwd,
			env: kumaEnvironment(start),
			recordPath: paths.kumaRecord,
			canTakeOver: async (pid) => {
				await agent.waitUntilConnected(TAKE_OVER_MS);
				const { hello } = agent;
				// Kuma may be the child of a wrapper, such as npm, that was recorded.
				const isThatOne = hello !== null && (await listProcessTree(pid))?.includes(hello.pid) === true;
				// One that was upgraded on disk runs its old self until it is started anew.
				const isInstalled = parts.kumaVersion === null || hello?.kumaVersion === parts.kumaVersion;
				return isThatOne && isInstalled && hello.fingerprint === fingerprintOf(start);
			},
			writeDurably: (path, content) => writeDurably(path, content),
			onRecordFailed: (error) =>
				log.warning('Kuma runs, but could not be recorded for the next start', { error }),
		},
		onReady: (ready) => log.info('Kuma is ready', { ...ready, startedInMs: Math.round(ready.startedInMs) }),
		onTakenOver: (pid) => log.info('Took over the Kuma that an earlier run had left behind', { pid }),
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
	return { supervisor, agent, reload, isRestarting: () => isRestarting };
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
