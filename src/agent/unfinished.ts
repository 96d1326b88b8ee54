import { type AgentProblems, NO_CHANGES } from '../model/agent-protocol.ts';
import { mergeChanges, type OpenChanges } from './lists/merge-changes.ts';

/** How soon what failed is tried again: a database is locked for moments, and something that is broken stays so. */
const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 5 * 60_000;

/** What Kuma could not take up: it is tried again until nothing is left of it. */
export class Unfinished {
	readonly #onDue: () => void;
	#changes: OpenChanges | null = null;
	#problems: AgentProblems = [];
	/** The problems of what is being tried just now. */
	#triedProblems: AgentProblems = [];
	#retryMs = FIRST_RETRY_MS;
	#timer: NodeJS.Timeout | undefined;

	/** @param onDue called when it is time to try again. */
	constructor(onDue: () => void) {
		this.#onDue = onDue;
	}

	get problems(): AgentProblems {
		return [...new Set([...this.#triedProblems, ...this.#problems])];
	}

	/** @returns what is open. Whoever takes it tries it, and says what is left of it by {@link settle}. */
	take(): OpenChanges {
		clearTimeout(this.#timer);
		const open = this.#changes ?? NO_CHANGES;
		this.#triedProblems = this.problems;
		this.#changes = null;
		this.#problems = [];
		return open;
	}

	/** What was taken has been tried. @param left what of it is to be tried again; null: nothing. */
	settle(left: OpenChanges | null, problems: AgentProblems): void {
		this.#triedProblems = [];
		if (left !== null) this.#open(left, problems);
		// Something else may have failed meanwhile.
		if (this.#changes === null) this.#retryMs = FIRST_RETRY_MS;
		else this.#tryLater();
	}

	/** Something more has failed. */
	add(changes: OpenChanges, problem: string): void {
		this.#open(changes, [problem]);
		this.#retryMs = FIRST_RETRY_MS;
		this.#tryLater();
	}

	#open(changes: OpenChanges, problems: AgentProblems): void {
		this.#changes = mergeChanges(this.#changes ?? NO_CHANGES, changes);
		this.#problems = [...this.#problems, ...problems];
	}

	#tryLater(): void {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(this.#onDue, this.#retryMs);
		// A Kuma that is about to end need not wait for it.
		this.#timer.unref();
		this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
	}
}
