import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReplicatorError } from '../model/replicator-error.ts';
import { isStillAlive, type KumaRecord, loadRecord, makeRecord, recordOfGroup } from './kuma-record.ts';
import { type ListenAddress, readListenAddress } from './listen-address.ts';
import { notSpawned } from './processes/not-spawned.ts';
import { findListeningPid, findPortOwner } from './processes/port-owner.ts';
import { isPortAnswering, isPortTaken } from './processes/probe-port.ts';
import { endProcessGroup, endRestOfGroup, exists, send } from './processes/process-group.ts';

export const DEFAULT_KUMA_COMMAND: readonly string[] = ['node', 'server/server.js'];

const LEFT_BEHIND_GRACE_MS = 15_000;
/** Kuma takes up to 6 s from SIGTERM to its end. */
const STOP_GRACE_MS = 20_000;
/** For what outlives Kuma itself: its embedded database server needs 2 s. */
const REST_GRACE_MS = 5_000;
const KILLED_WITHIN_MS = 20_000;
const READY_POLL_MS = 100;
const ALIVE_POLL_MS = 200;

export interface KumaExit {
	readonly exitCode: number | null;
	readonly signal: NodeJS.Signals | null;
	readonly uptimeMs: number;
	/** Whether {@link KumaProcess.stop} had been called. */
	readonly wasAsked: boolean;
	/** Why processes that Kuma had started could not be ended after it; null when nothing is left. */
	readonly cleanUpError: unknown;
}

export interface KumaProcessOptions {
	readonly command?: readonly string[];
	readonly cwd: string;
	/** The whole environment of Kuma. */
	readonly env: NodeJS.ProcessEnv;
	/** What that becomes at a start, where something in it depends on the moment; never where Kuma listens. */
	readonly envOfStart?: () => NodeJS.ProcessEnv;
	/** Where the started process is recorded for the next run. */
	readonly recordPath: string;
	/** Where it is recorded when that cannot be written. */
	readonly spareRecordPath?: string;
	readonly writeDurably: (path: string, content: string) => Promise<void>;
	/** Where Kuma's output goes: through to ours (default), or to an open file. */
	readonly output?: 'inherit' | number;
	/**
	 * Whether a Kuma that an earlier run has left behind may go on as this one's: asked before it would be ended. Default:
	 * it is ended.
	 */
	readonly canTakeOver?: (pid: number) => Promise<boolean>;
	/**
	 * A process of a Kuma that was left behind although no record says so; null where none is known. Asked before a start
	 * that finds no record of a living one.
	 */
	readonly findUnrecorded?: () => Promise<number | null>;
	/** Called once for each started Kuma, when it and everything in its process group is gone. */
	readonly onExit?: (exit: KumaExit) => void;
	/**
	 * Kuma runs, but could not be recorded in the first place: were this process killed, the next run might not know that
	 * Kuma. See {@link KumaProcess.record}.
	 */
	readonly onRecordFailed?: (error: unknown) => void;
}

interface Running {
	readonly pid: number;
	/** Whether Kuma itself has ended; its number may be somebody else's then. */
	readonly hasExited: () => boolean;
	readonly exited: Promise<Exit>;
	readonly gone: Promise<KumaExit>;
	stopping: Promise<void> | undefined;
}

/** Nobody but a parent learns how a process has ended: both are null for a Kuma that was taken over. */
type Exit = readonly [exitCode: number | null, signal: NodeJS.Signals | null];

export interface StartedKuma {
	readonly pid: number;
	/** The Kuma that an earlier run had left behind and that was ended first. */
	readonly endedPid: number | null;
	/** Nothing was started: a Kuma that an earlier run had left behind goes on. */
	readonly isTakenOver: boolean;
}

/**
 * One Uptime Kuma as a child process. It runs in a session of its own: Ctrl-C in a terminal and the signals that an
 * init sends to everybody reach only us, and we decide when Kuma stops. It outlives us when we are killed.
 *
 * `start` and `stop` must not overlap; KumaSupervisor sees to that.
 */
export class KumaProcess {
	readonly address: ListenAddress;
	readonly #options: KumaProcessOptions;
	readonly #command: readonly string[];
	#running: Running | undefined;

	/** @throws ReplicatorError `configuration-invalid` for an impossible port. */
	constructor(options: KumaProcessOptions) {
		this.#options = options;
		this.#command = options.command ?? DEFAULT_KUMA_COMMAND;
		this.address = readListenAddress({ command: this.#command, env: options.env });
	}

	/** The process id while Kuma, or anything in its process group, is there. */
	get pid(): number | null {
		return this.#running?.pid ?? null;
	}

	/**
	 * Takes over the Kuma that a killed run left behind, or ends it and starts a new one. It does not wait until Kuma is
	 * ready.
	 * @throws ReplicatorError `kuma-not-startable` when the command cannot be run, or (retryable) when the port is
	 * somebody else's; `kuma-not-stoppable` when the Kuma left behind cannot be ended.
	 */
	async start(): Promise<StartedKuma> {
		if (this.#running !== undefined) throw new Error('Kuma is running already');
		const left = await this.#findLeftBehind();
		if (left !== null && (await this.#options.canTakeOver?.(left.pid)) === true) {
			this.#takeOver(left);
			await this.#recordIfPossible();
			return { pid: left.pid, endedPid: null, isTakenOver: true };
		}
		if (left !== null) await endProcessGroup({ leaderPid: left.pid, graceMs: LEFT_BEHIND_GRACE_MS });
		await this.#refuseTakenPort();
		return { pid: await this.#spawn(), endedPid: left?.pid ?? null, isTakenOver: false };
	}

	/**
	 * Waits until this Kuma's own port answers; its database wizard answers there, too.
	 * @throws ReplicatorError `kuma-not-ready` when Kuma ended before, or (retryable) when the time is over, in which
	 * case Kuma goes on; `interrupted` when `signal` was aborted.
	 */
	async waitUntilReady({ timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal }): Promise<void> {
		const running = this.#running;
		if (running === undefined) throw new Error('Kuma has not been started');
		let exit: KumaExit | undefined;
		const gone = running.gone.then((value) => {
			exit = value;
		});
		const deadline = performance.now() + timeoutMs;
		while (performance.now() < deadline) {
			if (signal?.aborted)
				throw new ReplicatorError('Starting Uptime Kuma was interrupted', { code: 'interrupted' });
			if (exit === undefined && (await this.#isReady(running))) return;
			await Promise.race([gone, sleep(READY_POLL_MS)]);
			if (exit !== undefined) throw endedTooEarly(exit);
		}
		throw await this.#notReadyInTime(timeoutMs);
	}

	/**
	 * Asks Kuma to end, kills it and everything in its process group after `graceMs`, and waits until all of it is
	 * gone. Without a running Kuma it does nothing; called twice, both calls wait for the same end.
	 * @throws ReplicatorError `kuma-not-stoppable`.
	 */
	async stop({ graceMs = STOP_GRACE_MS }: { graceMs?: number } = {}): Promise<void> {
		const running = this.#running;
		if (running === undefined) return;
		running.stopping ??= endRunning(running, graceMs);
		try {
			await running.stopping;
		} catch (error) {
			// So that it can be tried again, and an end that comes after all counts as one that nobody awaits.
			running.stopping = undefined;
			throw error;
		}
	}

	/**
	 * Passes a signal on to Kuma itself; nothing happens when it is not running.
	 * @throws ReplicatorError `kuma-not-stoppable` when this user may not.
	 */
	forward(signal: NodeJS.Signals): void {
		if (this.#running !== undefined) sendToChild(this.#running, signal);
	}

	/**
	 * Records the Kuma that runs for the next run; nothing happens when none does.
	 * @throws what `writeDurably` throws.
	 */
	async record(): Promise<void> {
		const { pid } = this;
		if (pid === null) return;
		const { recordPath, writeDurably } = this.#options;
		await writeDurably(recordPath, `${JSON.stringify(await makeRecord(pid, this.#command))}\n`);
	}

	async #findLeftBehind(): Promise<KumaRecord | null> {
		try {
			const { recordPath, spareRecordPath, findUnrecorded } = this.#options;
			const records = await Promise.all(
				[recordPath, spareRecordPath].map((path) => path && loadRecord(path)),
			);
			for (const record of records) if (record && (await isStillAlive(record))) return record;
			const pid = (await findUnrecorded?.()) ?? null;
			return pid === null ? null : await recordOfGroup(pid, this.#command);
		} catch (error) {
			if (!isSystemError(error)) throw error;
			// What the system does not say must not keep Kuma from starting; one that is there holds the port.
			return null;
		}
	}

	#takeOver(record: KumaRecord): void {
		let hasExited = false;
		const exited = waitUntilGone(record).then((): Exit => {
			hasExited = true;
			return [null, null];
		});
		this.#watch({ pid: record.pid, hasExited: () => hasExited, exited });
	}

	async #refuseTakenPort(): Promise<void> {
		if (!(await isPortTaken(this.address))) return;
		const { port } = this.address;
		const pid = await findListeningPid(port).catch(ignoreSystemError);
		const who = pid === null ? 'another process' : `process ${pid}`;
		throw new ReplicatorError(`Uptime Kuma cannot start: port ${port} is taken by ${who}`, {
			code: 'kuma-not-startable',
			hint: `Stop ${who}, or give Kuma another port with UPTIME_KUMA_PORT. If it is an Uptime Kuma on the same data directory, it must end first.`,
			isRetryable: true,
		});
	}

	async #spawn(): Promise<number> {
		const { cwd, envOfStart, output = 'inherit' } = this.#options;
		const env = envOfStart?.() ?? this.#options.env;
		const [file = '', ...words] = this.#command;
		const child = this.#run(() =>
			spawn(file, words, { cwd, env, detached: true, stdio: ['ignore', output, output] }),
		);
		// Listened to before anything is awaited: a Kuma that ends at once must not go unnoticed.
		const exited = once(child, 'exit') as Promise<unknown> as Promise<Exit>;
		const { pid } = child;
		if (pid === undefined)
			throw notSpawned({ command: this.#command, cwd, cause: await exited.catch((e) => e) });

		this.#watch({ pid, hasExited: () => child.exitCode !== null || child.signalCode !== null, exited });
		await this.#recordIfPossible();
		return pid;
	}

	/** Some failures are thrown at once, others come as an event. */
	#run<Child>(start: () => Child): Child {
		try {
			return start();
		} catch (cause) {
			throw notSpawned({ command: this.#command, cwd: this.#options.cwd, cause });
		}
	}

	#watch(process: Pick<Running, 'pid' | 'hasExited' | 'exited'>): void {
		const { pid, exited } = process;
		const startedAtMs = performance.now();
		let running: Running | undefined;
		const gone = exited.then(async ([exitCode, signal]) => {
			const wasAsked = running?.stopping !== undefined;
			const uptimeMs = performance.now() - startedAtMs;
			const cleanUpError = await endRest(pid);
			this.#running = undefined;
			const exit: KumaExit = { exitCode, signal, uptimeMs, wasAsked, cleanUpError };
			this.#options.onExit?.(exit);
			return exit;
		});
		running = { ...process, gone, stopping: undefined };
		this.#running = running;
	}

	async #recordIfPossible(): Promise<void> {
		try {
			await this.record();
		} catch (error) {
			// A full disk is no reason to stop monitoring.
			this.#options.onRecordFailed?.(error);
			await this.#recordInSpare();
		}
	}

	async #recordInSpare(): Promise<void> {
		const { spareRecordPath, writeDurably } = this.#options;
		if (spareRecordPath === undefined || this.pid === null) return;
		try {
			const record = await makeRecord(this.pid, this.#command);
			await writeDurably(spareRecordPath, `${JSON.stringify(record)}\n`);
		} catch {
			// That there is no record at all is reported already; the agent is left to find this Kuma by.
		}
	}

	async #isReady({ pid }: Running): Promise<boolean> {
		if (!(await isPortAnswering(this.address))) return false;
		const owner = await findPortOwner({ port: this.address.port, rootPid: pid }).catch(ignoreSystemError);
		// Where the system does not say whose socket it is, this much is known: the port was free before the start.
		return owner !== 'somebody-else';
	}

	async #notReadyInTime(timeoutMs: number): Promise<ReplicatorError> {
		const { port } = this.address;
		const stranger = (await isPortAnswering(this.address)) ? '; somebody else answers there' : '';
		return new ReplicatorError(
			`Uptime Kuma does not answer on port ${port} after ${timeoutMs / 1_000} s${stranger}`,
			{
				code: 'kuma-not-ready',
				hint: 'Read its output above. A large database can take long to migrate; check UPTIME_KUMA_PORT and UPTIME_KUMA_HOST.',
				isRetryable: true,
			},
		);
	}
}

async function endRunning(running: Running, graceMs: number): Promise<void> {
	sendToChild(running, 'SIGTERM');
	if (!(await settlesWithin(running.exited, graceMs))) send(-running.pid, 'SIGKILL');
	if (!(await settlesWithin(running.gone, KILLED_WITHIN_MS))) {
		throw new ReplicatorError(`Uptime Kuma (process ${running.pid}) is still there after SIGKILL`, {
			code: 'kuma-not-stoppable',
			hint: `Look at it with \`ps -g ${running.pid}\`: a process in state D waits for a disk or a network share.`,
			isRetryable: true,
		});
	}
	const { cleanUpError } = await running.gone;
	if (cleanUpError !== null) throw cleanUpError;
}

/** Once the child has been collected, its number may be somebody else's. */
function sendToChild({ hasExited, pid }: Running, signal: NodeJS.Signals): void {
	if (!hasExited()) send(pid, signal);
}

async function waitUntilGone(record: KumaRecord): Promise<void> {
	while (await isThere(record)) await sleep(ALIVE_POLL_MS, undefined, { ref: false });
}

/** Where the system does not say which process it is, it is the one that it was a moment ago. */
async function isThere(record: KumaRecord): Promise<boolean> {
	return (await isStillAlive(record).catch(ignoreSystemError)) ?? exists(record.pid);
}

/** @returns whether the system could not answer: no file to open is left, or its disk is broken. */
function isSystemError(error: unknown): boolean {
	return error instanceof Error && 'syscall' in error;
}

function ignoreSystemError(error: unknown): null {
	if (isSystemError(error)) return null;
	throw error;
}

/** @returns why the rest of the group could not be ended, or null. */
async function endRest(leaderPid: number): Promise<unknown> {
	try {
		await endRestOfGroup({ leaderPid, graceMs: REST_GRACE_MS });
		return null;
	} catch (error) {
		return error;
	}
}

async function settlesWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
	const timer = new AbortController();
	try {
		return await Promise.race([
			promise.then(() => true),
			sleep(timeoutMs, false, { signal: timer.signal }).catch(() => false),
		]);
	} finally {
		timer.abort();
	}
}

function endedTooEarly({ exitCode, signal }: KumaExit): ReplicatorError {
	const how = signal === null ? `exit code ${exitCode}` : signal;
	return new ReplicatorError(`Uptime Kuma ended before it was ready (${how})`, {
		code: 'kuma-not-ready',
		hint: 'Its own output, above, says why.',
	});
}
