import type { Log } from '../model/log.ts';
import { ReplicatorError } from '../model/replicator-error.ts';

/**
 * How long something else waits: longer each time, and twice as long as the work took that ended well last, so that a
 * slow storage gets its turn as well.
 */
const PATIENCE_MS = { first: 5_000, longest: 300_000 } as const;

/** Work that waits for the repository, and is given up after a while for what does not need the repository. */
export class GivingWay {
	readonly #log: Pick<Log, 'info'>;
	/** Of the work that is under way. */
	#current: { readonly since: number; readonly givingWay: AbortController } | null = null;
	#patienceMs: number = PATIENCE_MS.first;
	#timer: NodeJS.Timeout | undefined;

	constructor({ log }: { readonly log: Pick<Log, 'info'> }) {
		this.#log = log;
	}

	/**
	 * @param work given the signal that ends its calls of the repository.
	 * @throws what `work` throws; ReplicatorError `interrupted` from those calls when it was given up.
	 */
	async run<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
		const since = performance.now();
		const current = { since, givingWay: new AbortController() };
		this.#current = current;
		try {
			const result = await work(current.givingWay.signal);
			if (this.#current === current) this.#patienceMs = bounded(2 * (performance.now() - since));
			return result;
		} finally {
			// What hung, and ends long after its turn, says nothing of the work that came behind it.
			if (this.#current === current) {
				clearTimeout(this.#timer);
				this.#current = null;
			}
		}
	}

	/** Something waits that does not need the repository; the next piece of work does what is left of this one. */
	hurry(): void {
		if (this.#current === null) return;
		const { since, givingWay } = this.#current;
		clearTimeout(this.#timer);
		this.#timer = setTimeout(
			() => {
				this.#patienceMs = bounded(2 * this.#patienceMs);
				this.#log.info('The repository takes long; the newer edit comes first');
				givingWay.abort(new ReplicatorError('The cycle gave way to a newer edit.', { code: 'interrupted' }));
			},
			since + this.#patienceMs - performance.now(),
		);
	}
}

function bounded(ms: number): number {
	return Math.min(Math.max(ms, PATIENCE_MS.first), PATIENCE_MS.longest);
}
