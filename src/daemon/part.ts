import { asFailure } from '../log/as-failure.ts';
import type { ReplicatorError } from '../model/replicator-error.ts';
import { type Loop, runLoop } from '../timing/loop.ts';
import type { Troubles } from './status/troubles.ts';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

export interface PartOptions<Opened> {
	/** As people see it in a status. */
	readonly name: string;
	readonly open: () => Promise<Opened>;
	readonly troubles: Troubles;
	/** Aborting it ends the attempts. */
	readonly signal: AbortSignal;
}

/**
 * Something beside Kuma that may be down: it is opened again and again, ever more rarely, until it is there, and the
 * reason why it is not stands among the troubles meanwhile.
 */
export class Part<Opened> {
	readonly #options: PartOptions<Opened>;
	readonly #attempted = Promise.withResolvers<void>();
	#opened: Opened | null = null;
	#failure: ReplicatorError | null = null;
	#loop: Loop | null = null;
	/** The attempts that go on until it is there; null: it is there, was given up, or was not wanted yet. */
	#opening: Promise<Opened | null> | null = null;

	constructor(options: PartOptions<Opened>) {
		this.#options = options;
	}

	/** What was opened; null as long as it is down. */
	get opened(): Opened | null {
		return this.#opened;
	}

	/** Why the last attempt has failed; null before the first one, and once it is there. */
	get failure(): ReplicatorError | null {
		return this.#failure;
	}

	/** Resolves when the first attempt is over, however it went, or will not be made. */
	get attempted(): Promise<void> {
		return this.#attempted.promise;
	}

	/** Tries again now, if it is down. */
	wake(): void {
		this.#loop?.wake();
	}

	/**
	 * Opens it, or joins the attempts that are under way.
	 * @returns what was opened, once it is there; null when it was given up.
	 */
	open(): Promise<Opened | null> {
		this.#opening ??= this.#open().finally(() => {
			this.#opening = null;
		});
		return this.#opening;
	}

	async #open(): Promise<Opened | null> {
		const { name, open, troubles, signal } = this.#options;
		const over = new AbortController();
		const loop = runLoop({
			cycle: open,
			intervalMs: LONGEST_RETRY_MS,
			backOff: { firstMs: FIRST_RETRY_MS },
			signal: AbortSignal.any([signal, over.signal]),
			onOutcome: (opened) => {
				this.#opened = opened;
				this.#failure = null;
				troubles.clear(name);
				over.abort();
				this.#attempted.resolve();
			},
			onError: (thrown, { retryInMs }) => {
				const error = asFailure(thrown);
				const isHopeless = isFinal(error);
				this.#failure = error;
				troubles.report(name, error, { retryInMs: isHopeless ? null : retryInMs });
				if (isHopeless) over.abort();
				this.#attempted.resolve();
			},
		});
		this.#loop = loop;
		await loop.finished;
		this.#attempted.resolve();
		return this.#opened;
	}
}

/** The environment of a process does not change; only the files that it names may. */
function isFinal({ code, isRetryable }: ReplicatorError): boolean {
	return code === 'configuration-invalid' && !isRetryable;
}
