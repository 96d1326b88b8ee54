import type { Stage, StageClock, StageDurations } from '../model/stages.ts';

/** The times of one cycle's stages. */
export class StageTimes implements StageClock {
	readonly #spentMs = new Map<Stage, number>();

	async measure<Result>(stage: Stage, work: () => Promise<Result>): Promise<Result> {
		const startedAt = performance.now();
		try {
			return await work();
		} finally {
			this.#spentMs.set(stage, (this.#spentMs.get(stage) ?? 0) + performance.now() - startedAt);
		}
	}

	/** What was measured until now, in whole milliseconds. */
	get durations(): StageDurations {
		return Object.fromEntries([...this.#spentMs].map(([stage, ms]) => [stage, Math.round(ms)]));
	}
}
