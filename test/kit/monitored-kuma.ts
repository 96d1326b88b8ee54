import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import { controlClient } from '../../src/control/control-client.ts';
import { type StatePaths, statePaths } from '../../src/instance/state-folder/data-directory.ts';
import { standInPaths } from '../../src/instance/state-folder/stand-in-directory.ts';
import type { Status } from '../../src/model/status.ts';
import { freePort } from './free-port.ts';
import { hasEnded } from './has-ended.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { untilStatus } from './until-status.ts';
import { waitFor } from './wait-for.ts';

const BUNDLE = join(import.meta.dirname, '../../dist/replicator-kuma.js');
const PROGRAMS = join(import.meta.dirname, '../programs');
const FAKE = join(PROGRAMS, 'kuma-fake.mjs');
const SOON_MS = 20_000;
const COMMAND_MS = 30_000;

/** Calls of the file system that fail in our process, and in no other: see failing-files.cjs. */
export interface FailingFiles {
	readonly paths: readonly string[];
	readonly errno: string;
	readonly calls?: 'read' | 'write' | 'any';
	/** As long as this file is there; without it, always. */
	readonly until?: string;
}

export interface MonitoredKumaOptions {
	/** The data directory; a new one when not given. */
	readonly dataDirectory?: string;
	/** An earlier one, whose data directory, port and surroundings this one has, too. */
	readonly after?: MonitoredKuma;
	readonly environment?: Readonly<Record<string, string>>;
	readonly failing?: FailingFiles;
	/** Programs of `test/programs/` that our process loads first. */
	readonly preloads?: readonly string[];
	/** How the stand-in for Kuma is started. */
	readonly words?: readonly string[];
	/** Instead of the stand-in for Kuma. */
	readonly command?: readonly string[];
}

/**
 * `replicator-kuma run` as it is shipped, with the stand-in for Kuma that starts at once and speaks as the agent does.
 * Kuma's database is not set up, so that a cycle is good and takes no time.
 */
export interface MonitoredKuma {
	readonly dataDirectory: string;
	readonly paths: StatePaths;
	readonly port: number;
	readonly environment: NodeJS.ProcessEnv;
	readonly pid: number;
	log(): string;
	/** Waits until the stand-in's port answers. @throws Error with what was printed if it does not. */
	untilMonitoring(): Promise<void>;
	isMonitoring(): Promise<boolean>;
	/** Waits until what `status --json` prints is as wanted. @returns it. */
	untilStatus(what: string, condition: (status: Status) => boolean): Promise<Status>;
	/** The same of one whose Kuma runs. */
	untilRunning(what: string, condition: (status: Status) => boolean): Promise<Status>;
	command(
		...words: readonly string[]
	): Promise<{ readonly exitCode?: number; readonly stdout: string; readonly stderr: string }>;
	wake(): void;
	/** What it writes from now on is refused, as by a program in a pipe that has ended. */
	closeOutput(): void;
	/** @returns the exit code of a process that ends by itself. */
	ended(): Promise<number | null>;
	/** Asks it to end. @returns its exit code. */
	stop(): Promise<number | null>;
	/** Ends it as a power cut does; its Kuma goes on until the test is over. */
	kill(): Promise<void>;
}

/** @returns a data directory with nothing in it but the folder `replicator-kuma`, and the paths in that. */
export async function stateDirectory(): Promise<{ dataDirectory: string; paths: StatePaths }> {
	const dataDirectory = await temporaryDirectory('data');
	const paths = statePaths(dataDirectory);
	await mkdir(paths.root, { mode: 0o700 });
	return { dataDirectory, paths };
}

export async function startMonitoredKuma(options: MonitoredKumaOptions = {}): Promise<MonitoredKuma> {
	const { after } = options;
	const dataDirectory = options.dataDirectory ?? after?.dataDirectory ?? (await temporaryDirectory('data'));
	const port = after?.port ?? (await freePort());
	const home = after?.environment.HOME ?? (await temporaryDirectory('home'));
	const kumaPids = new Set<number>();
	const environment: NodeJS.ProcessEnv = {
		PATH: process.env.PATH,
		HOME: home,
		TMPDIR: home,
		DATA_DIR: dataDirectory,
		UPTIME_KUMA_PORT: String(port),
		UPTIME_KUMA_HOST: '127.0.0.1',
		RESTIC_REPOSITORY: join(home, 'repository'),
		RESTIC_PASSWORD: 'sesame-open-up',
		REPLICATOR_MODE: 'RESTORE',
		REPLICATOR_HOSTNAME: 'kuma-here',
		REPLICATOR_NUDGE: 'off',
		...options.environment,
	};
	const command = options.command ?? [process.execPath, FAKE, ...(options.words ?? ['--agent', '--held'])];
	const preloads = [
		...(options.failing === undefined ? [] : ['failing-files.cjs']),
		...(options.preloads ?? []),
	].flatMap((name) => ['--require', join(PROGRAMS, name)]);
	const child = spawn(process.execPath, [...preloads, BUNDLE, 'run', '--', ...command], {
		cwd: home,
		env: {
			...environment,
			...(options.failing === undefined ? {} : { FAILING_FILES: JSON.stringify(options.failing) }),
		},
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let output = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding('utf8').on('data', (text: string) => {
			output += text;
		});
	}
	const ended = async () => {
		if (!hasEnded(child)) await once(child, 'exit', { signal: AbortSignal.timeout(COMMAND_MS) });
		return child.exitCode;
	};
	const isMonitoring = () => acceptsConnection(port);
	/** A command would ask the same, and be started for each look. Its folder for temporary files is not ours. */
	const askStatus = async () => {
		const standIn = await standInPaths(dataDirectory);
		const elsewhere = resolve(environment.TMPDIR ?? home, relative(tmpdir(), standIn.controlSocket));
		const status = await controlClient(statePaths(dataDirectory).controlSocket, elsewhere).status();
		if (status?.kuma.pid) kumaPids.add(status.kuma.pid);
		return status;
	};
	const kuma: MonitoredKuma = {
		dataDirectory,
		paths: statePaths(dataDirectory),
		port,
		environment,
		pid: child.pid ?? 0,
		log: () => output,
		isMonitoring,
		async untilMonitoring() {
			await waitFor(async () => hasEnded(child) || (await isMonitoring()), {
				timeoutMs: SOON_MS,
				what: 'Kuma answers',
			}).catch((cause) => {
				throw new Error(`Kuma does not run; replicator-kuma said:\n${output}`, { cause });
			});
			if (hasEnded(child)) throw new Error(`replicator-kuma ended (${child.exitCode}); it said:\n${output}`);
		},
		untilStatus: (what, condition) =>
			untilStatus({ ask: askStatus, what, condition, timeoutMs: SOON_MS, log: () => output }),
		untilRunning: (what, condition) =>
			kuma.untilStatus(
				`${what}, and Kuma runs`,
				(status) => status.kuma.state === 'running' && condition(status),
			),
		command: (...words) =>
			execa(process.execPath, [BUNDLE, ...words], {
				cwd: home,
				env: environment,
				extendEnv: false,
				reject: false,
				timeout: COMMAND_MS,
				stdin: 'ignore',
			}),
		wake: () => void child.kill('SIGUSR1'),
		closeOutput: () => {
			child.stdout.destroy();
			child.stderr.destroy();
		},
		ended,
		stop: () => {
			child.kill('SIGTERM');
			return ended();
		},
		kill: async () => {
			child.kill('SIGKILL');
			if (!hasEnded(child)) await once(child, 'exit');
		},
	};
	onTestFinished(async () => {
		if (!hasEnded(child)) {
			child.kill('SIGTERM');
			await ended().catch(() => kuma.kill());
		}
		for (const pid of kumaPids) endIfThere(pid);
	});
	return kuma;
}

function endIfThere(pid: number): void {
	try {
		process.kill(pid, 'SIGKILL');
	} catch {
		// It has ended, as it should.
	}
}

function acceptsConnection(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect({ host: '127.0.0.1', port });
		socket.once('connect', () => {
			socket.destroy();
			resolve(true);
		});
		socket.once('error', () => resolve(false));
	});
}
