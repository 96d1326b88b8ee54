import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AGENT_VARIABLE, type AgentOptions } from '../../src/model/agent-protocol.ts';
import { withAgent } from '../../src/model/node-options.ts';
import { ReplicatorError } from '../../src/model/replicator-error.ts';
import { AgentLink } from '../../src/reload/agent-link.ts';
import { createHotReload, type HotReload } from '../../src/reload/hot-reload.ts';
import { type KumaInstance, startKuma } from './kuma-instance.ts';
import { kumaMemory, kumaMemoryEnvironment } from './kuma-memory.ts';
import { SILENT_LOG } from './test-instance.ts';
import { waitFor } from './wait-for.ts';

const AGENT = resolve(import.meta.dirname, '../../dist/replicator-kuma-agent.cjs');
const SOON_MS = 30_000;

/** What a run of replicator-kuma has of its Kuma, until it dies. */
export interface RunOnKuma {
	readonly agent: AgentLink;
	readonly reload: HotReload;
	/** Ends as SIGKILL does: without a word to the agent. */
	die(): Promise<void>;
}

/** A real Kuma with the agent, which never restarts, and whose memory can be read. */
export interface KumaWithAgent {
	readonly kuma: KumaInstance;
	readonly memory: ReturnType<typeof kumaMemory>;
	/** Begins a run, the first one or one that finds what another has left. */
	begin(): Promise<RunOnKuma>;
	discard(): Promise<void>;
}

export async function startKumaWithAgent(
	environment: Readonly<Record<string, string>> = {},
): Promise<KumaWithAgent> {
	const directory = await mkdtemp(join(tmpdir(), 'replicator-kuma-agent-'));
	const dataDirectory = join(directory, 'data');
	await mkdir(dataDirectory);
	const socketPath = join(directory, 'agent.sock');
	const options: AgentOptions = {
		socketPath,
		fingerprint: 'a test',
		startGateMs: null,
		notificationPrefix: '',
		watched: {},
	};
	const { NODE_OPTIONS, ...memoryEnvironment } = kumaMemoryEnvironment(directory);
	const kuma = await startKuma({
		database: 'sqlite',
		dataDirectory,
		environment: {
			...memoryEnvironment,
			[AGENT_VARIABLE]: JSON.stringify(options),
			NODE_OPTIONS: withAgent(NODE_OPTIONS, AGENT),
			...environment,
		},
	});
	return {
		kuma,
		memory: kumaMemory(directory),
		begin: () => begin(socketPath),
		discard: async () => {
			await kuma.discard();
			await rm(directory, { recursive: true, force: true });
		},
	};
}

async function begin(socketPath: string): Promise<RunOnKuma> {
	const agent = new AgentLink({ connect: () => open(socketPath), log: SILENT_LOG });
	agent.start();
	await agent.waitUntilConnected(SOON_MS);
	await waitFor(() => agent.hello?.phase === 'running', { timeoutMs: SOON_MS, what: 'a Kuma that runs' });
	const reload = createHotReload({
		agent,
		log: SILENT_LOG,
		isLeader: false,
		kuma: {
			process: () => 'running',
			// So that it is the same Kuma that takes everything up in the end.
			restart: (reason) =>
				Promise.reject(
					new ReplicatorError(`This Kuma cannot be restarted: ${reason}.`, { code: 'kuma-not-startable' }),
				),
		},
	});
	return { agent, reload, die: () => agent.stop() };
}

async function open(path: string): Promise<Socket> {
	const socket = connect(path);
	await once(socket, 'connect');
	return socket;
}
