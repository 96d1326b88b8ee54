import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { controlClient } from '../../src/control/control-client.ts';
import { statePaths } from '../../src/instance/state-folder/data-directory.ts';
import { standInPaths } from '../../src/instance/state-folder/stand-in-directory.ts';
import type { DatabaseConfig } from '../../src/model/database-config.ts';
import type { ReplicatorMode } from '../../src/model/role.ts';
import type { Status } from '../../src/model/status.ts';
import { freePort } from './free-port.ts';
import { hasEnded } from './has-ended.ts';
import { kumaEnvironment } from './kuma-environment.ts';
import { type KumaInstallation, kumaInstallation } from './kuma-installation.ts';
import { waitFor } from './wait-for.ts';
import { TEST_PASSWORD } from './weak-repository.ts';
import { writeDatabaseConfig } from './write-database-config.ts';

/** What is shipped. */
export const PROGRAM = resolve(import.meta.dirname, '../../dist/replicator-kuma.js');
const READY_MS = 120_000;
/** Kuma takes 5 to 6 s to stop, and a leader publishes before. */
const STOP_MS = 30_000;
const COMMAND_MS = 60_000;
/** Long enough that nothing happens by itself: what a test wants, it asks for. */
const NEVER_SECONDS = '86400';

/**
 * Ends whatever runs on a data directory, and removes it, as soon as standard input ends: however the tests die,
 * SIGKILL included, no replicator-kuma stays behind, and no Kuma or restic in its session of its own. Every process
 * of ours carries the directory's unique name in its environment.
 */
const WATCHDOG = `
root=$1
cat >/dev/null
while :; do
	left=$(grep -lzF "$root/data/" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3)
	[ -n "$left" ] || break
	kill -KILL $left 2>/dev/null
	sleep 0.1
done
rm -rf "$root"
`;

export interface ReplicatorOptions {
	readonly mode: ReplicatorMode;
	/** RESTIC_REPOSITORY. */
	readonly repository: string;
	/** `wizard`: nobody has chosen yet, and Kuma asks. */
	readonly database: 'sqlite' | 'wizard' | (DatabaseConfig & { readonly type: 'mariadb' });
	readonly hostname?: string;
	readonly intervalSeconds?: number;
	readonly environment?: Readonly<Record<string, string>>;
	readonly installation?: KumaInstallation;
	/** How Kuma is started; the installation's own server when not given. */
	readonly command?: readonly string[];
	/** A program that starts the whole, such as an init: `['dumb-init']`. */
	readonly wrapper?: readonly string[];
	/** The words that start replicator-kuma; the bundle that was built, by this Node, when not given. */
	readonly program?: readonly string[];
}

/** `replicator-kuma run` as it is shipped, with a real Kuma on a temporary data directory. */
export interface Replicator {
	readonly url: string;
	readonly dataDirectory: string;
	readonly environment: NodeJS.ProcessEnv;
	/** The process that {@link spawn} has started. */
	readonly pid: number;
	/** What it and Kuma have printed since the last start. */
	log(): string;
	/** Starts it, and waits for nothing. */
	spawn(): void;
	/** Starts it and waits until Kuma runs and cycles can be asked for. @throws Error with everything that was printed if it does not. */
	start(): Promise<void>;
	/** What `status --json` prints. @throws Error when nothing runs. */
	status(): Promise<Status>;
	/** Waits until its status is as wanted. @returns it. */
	waitForStatus(what: string, condition: (status: Status) => boolean): Promise<Status>;
	/** Asks for a cycle with SIGUSR1, and waits for nothing. */
	wake(): void;
	/** Runs another command on the same data directory. */
	run(...words: readonly string[]): Promise<{ readonly exitCode?: number; readonly stdout: string }>;
	/** @returns the exit code of a process that ends by itself. */
	ended(): Promise<number | null>;
	/** Asks it to end. @returns its exit code. */
	stop(): Promise<number | null>;
	/** Ends it as a power cut does; its Kuma goes on. */
	kill(): Promise<void>;
	/** Ends it, its Kuma and the data directory, whatever state they are in. */
	discard(): Promise<void>;
}

/** Makes a data directory for a replicator-kuma that is to be started. */
export async function prepareReplicator(options: ReplicatorOptions): Promise<Replicator> {
	const [program = '', ...programWords] = options.program ?? [process.execPath, PROGRAM];
	if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: run \`npm run build\` first`);
	const installation = options.installation ?? (await kumaInstallation());
	const { database } = options;
	const root = await mkdtemp(join(tmpdir(), 'replicator-kuma-run-'));
	const watchdog = spawn('sh', ['-c', WATCHDOG, 'sh', root], {
		stdio: ['pipe', 'ignore', 'ignore'],
		detached: true,
	});
	const dataDirectory = join(root, 'data');
	await mkdir(dataDirectory, { mode: 0o700 });
	if (typeof database === 'object') await writeDatabaseConfig(dataDirectory, database);
	const port = await freePort();
	const url = `http://127.0.0.1:${port}`;
	const environment: NodeJS.ProcessEnv = {
		...kumaEnvironment({
			node: installation.node,
			dataDirectory,
			port,
			...(database === 'sqlite' ? { databaseType: 'sqlite' } : {}),
		}),
		RESTIC_REPOSITORY: options.repository,
		RESTIC_PASSWORD: TEST_PASSWORD,
		REPLICATOR_MODE: options.mode,
		REPLICATOR_HOSTNAME: options.hostname ?? options.mode.toLowerCase(),
		// What a test wants to arrive, it asks for; signals have tests of their own.
		REPLICATOR_NUDGE: 'off',
		REPLICATOR_INTERVAL: String(options.intervalSeconds ?? NEVER_SECONDS),
		...options.environment,
	};
	const standIn = await standInPaths(dataDirectory);
	const client = controlClient(statePaths(dataDirectory).controlSocket, standIn.controlSocket);
	let child: ChildProcess | undefined;
	let output = '';
	const running = (): ChildProcess => {
		if (child === undefined) throw new Error('replicator-kuma has not been started');
		return child;
	};
	const ended = async () => {
		const process = running();
		if (!hasEnded(process)) await once(process, 'close', { signal: AbortSignal.timeout(STOP_MS) });
		return process.exitCode;
	};
	const replicator: Replicator = {
		url,
		dataDirectory,
		environment,
		get pid() {
			return running().pid ?? 0;
		},
		log: () => output,
		spawn: () => {
			if (child !== undefined && !hasEnded(child)) throw new Error('replicator-kuma is running already');
			const command = options.command ?? [installation.node, 'server/server.js'];
			const words = [...(options.wrapper ?? []), program, ...programWords, 'run', '--', ...command];
			output = '';
			child = spawn(words[0] ?? '', words.slice(1), {
				cwd: installation.directory,
				env: environment,
				stdio: ['ignore', 'pipe', 'pipe'],
			});
			for (const stream of [child.stdout, child.stderr]) {
				stream?.setEncoding('utf8').on('data', (text: string) => {
					output += text;
				});
			}
		},
		start: async () => {
			replicator.spawn();
			const process = running();
			const isUp = async () => (await client.status())?.kuma.state === 'running';
			await waitFor(async () => hasEnded(process) || (await isUp()), {
				timeoutMs: READY_MS,
				what: `Uptime Kuma on ${url}`,
			}).catch((cause) => {
				throw new Error(`replicator-kuma brings no Kuma up; it said:\n${output}`, { cause });
			});
			if (hasEnded(process)) throw new Error(`replicator-kuma ended; it said:\n${output}`);
		},
		status: async () => {
			const status = await client.status();
			if (status === null) throw new Error(`replicator-kuma does not run; it said:\n${output}`);
			return status;
		},
		waitForStatus: async (what, condition) => {
			let status = await replicator.status();
			const isThere = async () => {
				status = await replicator.status();
				return condition(status);
			};
			await waitFor(isThere, { timeoutMs: READY_MS, what }).catch((cause) => {
				throw new Error(`${what}; the status is ${JSON.stringify(status)}, it said:\n${output}`, { cause });
			});
			return status;
		},
		wake: () => {
			running().kill('SIGUSR1');
		},
		run: (...words) =>
			execa(program, [...programWords, ...words], {
				cwd: installation.directory,
				env: environment,
				extendEnv: false,
				reject: false,
				timeout: COMMAND_MS,
				stdin: 'ignore',
			}),
		ended,
		stop: () => {
			running().kill('SIGTERM');
			return ended();
		},
		kill: async () => {
			running().kill('SIGKILL');
			if (!hasEnded(running())) await once(running(), 'exit');
		},
		discard: async () => {
			const gone = once(watchdog, 'exit');
			watchdog.stdin?.end();
			await gone;
		},
	};
	return replicator;
}
