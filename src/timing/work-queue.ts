import { setTimeout as delay } from 'node:timers/promises';
import { ReplicatorError } from '../model/replicator-error.ts';
import { SerialQueue } from './serial-queue.ts';

/** The longest that all parts of a cycle take together, each up to its own limit, and some more. */
const LIMIT_MS = 15 * 60_000;
/** Pruning a large repository takes long, and waits for locks of others. */
export const TIDY_LIMIT_MS = 90 * 60_000;
/** How long work that was given up may take to undo what it has begun. */
const GRACE_MS = 15_000;
/** The longest that a piece of work has its turn, unless it has a limit of its own. */
export const TURN_MAX_MS = LIMIT_MS + GRACE_MS;
/** How long work that was given up may take when everything is to stop: whoever stops a container kills it after 10 s, and Kuma has to stop as well. */
const STOP_GRACE_MS = 2_000;

export interface WorkQueueOptions {
	readonly limitMs?: number;
	readonly graceMs?: number;
	readonly stopGraceMs?: number;
}

/**
 * Runs pieces of work one after another, each within a limit: one that hangs is given up, and the next one has its turn.
 * Its signal is aborted then; whatever it does after that must come to nothing, for it may wake up much later.
 */
export class WorkQueue {
	readonly #queue = new SerialQueue();
	readonly #limitMs: number;
	readonly #graceMs: number;
	readonly #stopGraceMs: number;
	readonly #stopping = new AbortController();
	#current = new AbortController();

	constructor(options: WorkQueueOptions = {}) {
		this.#limitMs = options.limitMs ?? LIMIT_MS;
		this.#graceMs = options.graceMs ?? GRACE_MS;
		this.#stopGraceMs = options.stopGraceMs ?? STOP_GRACE_MS;
	}

	/** Of the piece of work that has its turn. */
	get signal(): AbortSignal {
		return this.#current.signal;
	}

	/** Gives up the piece of work that has its turn, and lets none begin any more: they are `interrupted`. */
	stop(): void {
		const reason = interrupted();
		this.#stopping.abort(reason);
		this.#current.abort(reason);
	}

	/**
	 * @returns what `work` gives; that it fails does not keep the next piece from running.
	 * @throws ReplicatorError `cycle-timed-out` (retryable) when it took too long; `interrupted` after a stop.
	 */
	run<Result>(
		work: (signal: AbortSignal) => Promise<Result>,
		limitMs: number = this.#limitMs,
	): Promise<Result> {
		return this.#queue.run(async () => {
			this.#stopping.signal.throwIfAborted();
			const turn = new AbortController();
			this.#current = turn;
			const timer = setTimeout(() => turn.abort(timedOut(limitMs)), limitMs);
			try {
				const result = work(turn.signal);
				return await Promise.race([result, this.#given(turn.signal)]);
			} catch (error) {
				// What was cut short fails in ways of its own.
				throw turn.signal.aborted ? turn.signal.reason : error;
			} finally {
				clearTimeout(timer);
			}
		});
	}

	/** Rejects when the signal was aborted a while ago; until then the work may end by itself. */
	async #given(signal: AbortSignal): Promise<never> {
		await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
		const { signal: stopping } = this.#stopping;
		if (!stopping.aborted)
			await delay(this.#graceMs, undefined, { ref: false, signal: stopping }).catch(() => undefined);
		if (stopping.aborted) await delay(this.#stopGraceMs, undefined, { ref: false });
		throw signal.reason;
	}
}

function interrupted(): ReplicatorError {
	return new ReplicatorError('Replication was interrupted, because replicator-kuma is to stop.', {
		code: 'interrupted',
		isRetryable: true,
	});
}

function timedOut(limitMs: number): ReplicatorError {
	return new ReplicatorError(
		`Replication took longer than ${Math.round(limitMs / 1000)} s and was given up.`,
		{
			code: 'cycle-timed-out',
			hint: 'It is tried again. Kuma goes on. If this happens again, look for what hangs: the disk of the data directory, the database, or restic ("replicator-kuma doctor").',
			isRetryable: true,
		},
	);
}
