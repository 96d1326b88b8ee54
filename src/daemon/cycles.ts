import type { Metrics } from '../http/metrics.ts';
import { asFailure, asThrown, isTrouble } from '../log/as-failure.ts';
import type { Log } from '../model/log.ts';
import type { CycleReport } from '../model/status.ts';
import type { CycleNotices } from '../notices/cycle-notices.ts';
import { WorkQueue, type WorkQueueOptions } from '../timing/work-queue.ts';
import { CycleMemory, type LastCycles } from './status/cycle-memory.ts';

/** Runs one piece of replication's work at a time, and reports what it came to: to status, metrics and people. */
export class Cycles {
	readonly #work: WorkQueue;
	readonly #memory: CycleMemory;
	readonly #notices: CycleNotices;
	readonly #metrics: Pick<Metrics, 'observeCycle'> | null;

	constructor(parts: {
		readonly log: Log;
		readonly notices: CycleNotices;
		readonly metrics: Pick<Metrics, 'observeCycle'> | null;
		readonly limits?: WorkQueueOptions;
	}) {
		this.#work = new WorkQueue(parts.limits);
		this.#memory = new CycleMemory(parts.log);
		this.#notices = parts.notices;
		this.#metrics = parts.metrics;
	}

	get last(): LastCycles {
		return this.#memory.last;
	}

	/** Of the piece of work that has its turn: aborted when that is given up. */
	get signal(): AbortSignal {
		return this.#work.signal;
	}

	/** Gives up whatever has its turn, and lets nothing begin any more: it is `interrupted`. */
	stop(): void {
		this.#work.stop();
	}

	/**
	 * Runs `work` when no cycle runs, without counting it as one.
	 * @param limitMs how long it may take; as long as a cycle by default.
	 */
	inTurn<Result>(work: () => Promise<Result>, limitMs?: number): Promise<Result> {
		return this.#work.run(work, limitMs);
	}

	/**
	 * Runs a cycle, or a command.
	 * @throws what it throws: a failure of ours, or a bug as it is, with its stack.
	 */
	async report(work: () => Promise<CycleReport>): Promise<CycleReport> {
		try {
			const { report, durationMs } = await this.#measure(work);
			this.#memory.remember(report, durationMs);
			this.#notices.tell(report, durationMs);
			return report;
		} catch (cause) {
			const error = asFailure(cause);
			if (isTrouble(error)) {
				this.#memory.rememberError(error);
				this.#notices.tellError(error);
			}
			throw asThrown(error);
		}
	}

	/**
	 * Runs what a person only wants to look at. However it goes, it says nothing of how replication goes, and the answer
	 * is that person's alone.
	 */
	async preview(work: () => Promise<CycleReport>): Promise<CycleReport> {
		return (await this.#measure(work)).report;
	}

	/** The clock starts with the turn. What hangs is given up by the queue, and only the queue knows of it. */
	async #measure(
		work: () => Promise<CycleReport>,
	): Promise<{ readonly report: CycleReport; readonly durationMs: number }> {
		let startedAt = performance.now();
		try {
			const report = await this.#work.run(() => {
				startedAt = performance.now();
				return work();
			});
			const durationMs = performance.now() - startedAt;
			this.#metrics?.observeCycle({ ...report, durationMs });
			return { report, durationMs };
		} catch (cause) {
			const durationMs = performance.now() - startedAt;
			this.#metrics?.observeCycle({ outcome: 'failed', durationMs, stages: {} });
			throw cause;
		}
	}
}
