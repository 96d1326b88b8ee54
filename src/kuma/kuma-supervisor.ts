import { isReplicatorError, ReplicatorError } from '../model/replicator-error.ts';
import type { KumaState } from '../model/status.ts';
import { type BackOff, backOffMs } from '../timing/back-off.ts';
import { SerialQueue } from '../timing/serial-queue.ts';
import { type KumaExit, KumaProcess, type KumaProcessOptions } from './kuma-process.ts';
import { isPassingFailure } from './processes/not-spawned.ts';

export interface KumaCrash extends Omit<KumaExit, 'wasAsked'> {
	readonly nextStartInMs: number;
}

export type RestartReport =
	/** Kuma was not wanted to run. */
	{ readonly outcome: 'not-running' } | { readonly outcome: 'restarted'; readonly blindMs: number };

interface StartBackOff extends BackOff {
	/** A Kuma that ran for so long was healthy: what comes then is a first failure again. */
	readonly resetAfterMs: number;
}

const START_BACK_OFF: StartBackOff = { firstMs: 1_000, maxMs: 60_000, resetAfterMs: 60_000 };

export interface KumaSupervisorOptions {
	readonly kuma: Omit<KumaProcessOptions, 'onExit'>;
	/** How long a start may take before it is reported; Kuma is left to go on. Default 120 s. */
	readonly readyTimeoutMs?: number;
	/** How long Kuma may take from SIGTERM to its end. */
	readonly stopGraceMs?: number;
	readonly backOff?: StartBackOff;
	/** Kuma's port answers. */
	readonly onReady?: (ready: { readonly pid: number; readonly startedInMs: number }) => void;
	/** A Kuma that a killed run had left behind goes on, instead of a start. */
	readonly onTakenOver?: (pid: number) => void;
	/** A Kuma that a killed run had left behind was ended before the start. */
	readonly onLeftBehindEnded?: (pid: number) => void;
	readonly onRestart?: (reason: string) => void;
	/** Kuma ended without having been asked to; it is started again by itself. */
	readonly onCrash?: (crash: KumaCrash) => void;
	/** A start other than the first failed. Null: no other start is due, for Kuma is merely slow (the state is `starting`). */
	readonly onStartFailed?: (failure: {
		readonly error: unknown;
		readonly nextStartInMs: number | null;
	}) => void;
}

const READY_TIMEOUT_MS = 120_000;

/**
 * Keeps one Uptime Kuma running: restarts it when it crashes, and on request. Starts, stops and restarts never
 * overlap; they happen in the order in which they were asked for, except that a stop cuts a wait for readiness short
 * and makes restarts that are still waiting their turn pointless.
 */
export class KumaSupervisor {
	readonly #options: KumaSupervisorOptions;
	readonly #process: KumaProcess;
	readonly #queue = new SerialQueue();
	#state: KumaState = 'stopped';
	#restartCount = 0;
	#failureCount = 0;
	#timer: NodeJS.Timeout | undefined;
	/** Aborted while Kuma is not wanted to run. */
	#unwanted = new AbortController();

	/** @throws ReplicatorError `configuration-invalid` for an impossible port. */
	constructor(options: KumaSupervisorOptions) {
		this.#options = options;
		this.#process = new KumaProcess({ ...options.kuma, onExit: (exit) => this.#handleExit(exit) });
		this.#unwanted.abort();
	}

	get state(): KumaState {
		return this.#state;
	}

	get pid(): number | null {
		return this.#process.pid;
	}

	/** How often Kuma was started again, after crashes and on request. */
	get restartCount(): number {
		return this.#restartCount;
	}

	/**
	 * Starts Kuma and waits until it is ready.
	 * @throws ReplicatorError `kuma-not-startable` or `kuma-not-stoppable`: Kuma is stopped; `kuma-not-ready`: Kuma
	 * goes on starting, or is started again after a crash; `interrupted`: `stop` was called meanwhile.
	 */
	async start(): Promise<void> {
		if (!this.#unwanted.signal.aborted) throw new Error('Kuma is supervised already');
		this.#unwanted = new AbortController();
		await this.#queue.run(() => this.#startFirst());
	}

	/**
	 * Stops Kuma gracefully, starts it, and waits until it is ready. One that is backing off is started at once.
	 * Whatever fails, Kuma is started again later.
	 * @throws ReplicatorError as {@link start} does.
	 */
	async restart(reason: string): Promise<RestartReport> {
		return await this.#queue.run(async () => {
			if (this.#unwanted.signal.aborted) return { outcome: 'not-running' };
			this.#options.onRestart?.(reason);
			const stoppedAtMs = performance.now();
			await this.#stopForRestart();
			if (this.#unwanted.signal.aborted) return { outcome: 'not-running' };
			this.#restartCount += 1;
			await this.#startAgain();
			return { outcome: 'restarted', blindMs: performance.now() - stoppedAtMs };
		});
	}

	/**
	 * Stops Kuma for good, or until the next {@link start}. Idempotent.
	 * @throws ReplicatorError `kuma-not-stoppable`.
	 */
	async stop(): Promise<void> {
		this.#unwanted.abort();
		await this.#queue.run(() => this.#stopNow());
	}

	/**
	 * Records the Kuma that runs once more, where that has failed.
	 * @throws as `writeDurably` does.
	 */
	record(): Promise<void> {
		return this.#process.record();
	}

	/** Passes a signal on to Kuma, unchanged and without consequences of our own. */
	forward(signal: NodeJS.Signals): void {
		this.#process.forward(signal);
	}

	async #startFirst(): Promise<void> {
		try {
			await this.#spawn();
		} catch (error) {
			if (!isPassingFailure(error)) {
				this.#unwanted.abort();
				this.#state = 'stopped';
				throw error;
			}
			this.#options.onStartFailed?.({ error, nextStartInMs: this.#startLater() });
			throw new ReplicatorError('Uptime Kuma could not be started yet', {
				code: 'kuma-not-ready',
				cause: error,
			});
		}
		await this.#becomeReady();
	}

	async #startAgain(): Promise<void> {
		try {
			await this.#spawn();
		} catch (error) {
			// Nothing is hopeless that has been started before: its program may be about to be replaced by an upgrade.
			this.#options.onStartFailed?.({ error, nextStartInMs: this.#startLater() });
			throw error;
		}
		await this.#becomeReady();
	}

	async #spawn(): Promise<void> {
		this.#state = 'starting';
		const { pid, endedPid, isTakenOver } = await this.#process.start();
		if (isTakenOver) this.#options.onTakenOver?.(pid);
		if (endedPid !== null) this.#options.onLeftBehindEnded?.(endedPid);
	}

	async #becomeReady(startedAtMs = performance.now()): Promise<void> {
		const timeoutMs = this.#options.readyTimeoutMs ?? READY_TIMEOUT_MS;
		try {
			await this.#process.waitUntilReady({ timeoutMs, signal: this.#unwanted.signal });
		} catch (error) {
			if (isSlowStart(error)) this.#becomeReadyLater(startedAtMs);
			throw error;
		}
		const { pid } = this.#process;
		if (this.#state !== 'starting' || pid === null) return;
		this.#state = 'running';
		this.#options.onReady?.({ pid, startedInMs: performance.now() - startedAtMs });
	}

	#becomeReadyLater(startedAtMs: number): void {
		this.#becomeReady(startedAtMs).catch((error: unknown) => {
			// Whoever started it has heard that it is slow; a crash and a stop are told in their own ways.
			if (!isReplicatorError(error)) throw error;
		});
	}

	async #stopNow(): Promise<void> {
		if (this.#process.pid !== null) {
			this.#state = 'stopping';
			const { stopGraceMs } = this.#options;
			await this.#process.stop(stopGraceMs === undefined ? {} : { graceMs: stopGraceMs });
		}
		// After the stop: a crash just before it may have set the timer meanwhile.
		clearTimeout(this.#timer);
		this.#state = 'stopped';
	}

	async #stopForRestart(): Promise<void> {
		try {
			await this.#stopNow();
		} catch (error) {
			// Kuma itself may have ended, and only something that it had started is stuck. If not, its end will
			// count as a crash when it comes.
			if (this.#process.pid === null) this.#startLater();
			throw error;
		}
	}

	#handleExit({ wasAsked, ...exit }: KumaExit): void {
		if (wasAsked) return;
		if (this.#unwanted.signal.aborted) {
			this.#state = 'stopped';
			return;
		}
		if (exit.uptimeMs >= this.#backOff.resetAfterMs) this.#failureCount = 0;
		const nextStartInMs = this.#startLater();
		this.#options.onCrash?.({ ...exit, nextStartInMs });
	}

	get #backOff(): StartBackOff {
		return this.#options.backOff ?? START_BACK_OFF;
	}

	#startLater(): number {
		this.#failureCount += 1;
		const delayMs = backOffMs(this.#failureCount, this.#backOff);
		this.#state = 'backing-off';
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => void this.#queue.run(() => this.#startAfterBackOff()), delayMs);
		return delayMs;
	}

	async #startAfterBackOff(): Promise<void> {
		if (this.#state !== 'backing-off' || this.#unwanted.signal.aborted) return;
		this.#restartCount += 1;
		try {
			await this.#startAgain();
		} catch (error) {
			// Everything else has been told already: a failed start, a crash, a stop.
			if (isSlowStart(error)) this.#options.onStartFailed?.({ error, nextStartInMs: null });
		}
	}
}

/** @returns whether Kuma goes on starting, only longer than we were ready to wait. */
function isSlowStart(error: unknown): boolean {
	return isReplicatorError(error, 'kuma-not-ready') && error.isRetryable;
}
