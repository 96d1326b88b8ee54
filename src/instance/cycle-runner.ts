import type { FleetInstance } from '../model/instance.ts';
import type { CycleEnd, CycleReport } from '../model/status.ts';
import { GivingWay } from '../timing/giving-way.ts';
import { StageTimes } from '../timing/stage-times.ts';
import { boundInstance } from './bound-instance.ts';

type Work = (instance: FleetInstance) => Promise<CycleEnd>;

const NEVER = new AbortController().signal;

/** Runs the cycles of one instance, each with a clock of its own and within its turn. */
export class CycleRunner {
	readonly #instance: FleetInstance;
	readonly #signal: (() => AbortSignal) | undefined;
	readonly #givingWay: GivingWay;

	/** @param parts.signal of the piece of work that has its turn; without one, nothing is ever cut short. */
	constructor(parts: {
		readonly instance: FleetInstance;
		readonly signal?: (() => AbortSignal) | undefined;
	}) {
		this.#instance = parts.instance;
		this.#signal = parts.signal;
		this.#givingWay = new GivingWay({ log: parts.instance.log });
	}

	/** What a person ordered goes on to its end. */
	async run(work: Work): Promise<CycleReport> {
		const stages = new StageTimes();
		const outcome = await work({ ...this.bound(), stages });
		return { ...outcome, stages: stages.durations };
	}

	/** An ordinary cycle gives way as long as it waits for the repository. */
	runGivingWay(work: Work): Promise<CycleReport> {
		return this.run((instance) =>
			this.#givingWay.run((givingWay) => {
				const repository = instance.repository.within?.(this.#with(givingWay)) ?? instance.repository;
				return work({ ...instance, repository });
			}),
		);
	}

	/** A cycle that hangs in the repository is given up after a while. */
	hurry(): void {
		this.#givingWay.hurry();
	}

	/** @returns the instance as the piece of work may use it that has its turn; also aborted by `more`. */
	bound(more?: AbortSignal): FleetInstance {
		return boundInstance(this.#instance, more === undefined ? (this.#signal?.() ?? NEVER) : this.#with(more));
	}

	/** What is never aborted must not be joined: it would keep hold of every signal that it was joined with. */
	#with(more: AbortSignal): AbortSignal {
		const turn = this.#signal?.();
		return turn === undefined ? more : AbortSignal.any([turn, more]);
	}
}
