/** What a cycle spends its time on, in the order in which a snapshot travels. */
export type Stage = 'export' | 'poll' | 'publish' | 'check' | 'fetch' | 'plan' | 'apply' | 'reload';

/** Milliseconds by stage; a stage that a cycle did without is absent. */
export type StageDurations = Readonly<Partial<Record<Stage, number>>>;

/** Takes the time of stages. One that runs several times, as a plan that is made again, counts as a whole. */
export interface StageClock {
	/** Runs `work` as a part of a stage. Stages are not nested. */
	measure<Result>(stage: Stage, work: () => Promise<Result>): Promise<Result>;
}

/** For who does not ask. */
export const NO_CLOCK: StageClock = { measure: (_stage, work) => work() };
