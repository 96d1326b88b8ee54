import type { ResticUse } from '../../model/status.ts';
import type { ResticCallReport } from '../../repository/restic/restic-process.ts';

/** Counts the calls of restic of one run, for the status. */
export class ResticTally {
	readonly #now: () => number;
	#use: ResticUse = { calls: 0, failedCalls: 0, totalMs: 0, last: null };

	/** @param now in milliseconds since 1970. */
	constructor(now: () => number) {
		this.#now = now;
	}

	get use(): ResticUse {
		return this.#use;
	}

	count({ command, outcome, durationMs }: ResticCallReport): void {
		const { calls, failedCalls, totalMs } = this.#use;
		const hasFailed = outcome !== 'succeeded' && outcome !== 'interrupted';
		this.#use = {
			calls: calls + 1,
			failedCalls: failedCalls + Number(hasFailed),
			totalMs: totalMs + durationMs,
			last: { command, outcome, durationMs, finishedAt: new Date(this.#now()).toISOString() },
		};
	}
}
