import type { LeaderStanding } from '../model/announcer.ts';
import type { LineagePlace } from '../model/lineage.ts';
import type { AheadPosition, Position } from '../model/state.ts';

/** How long the repository may be reachable without listing what was handed over. A publish takes a second or two. */
const UNLISTED_MAX_MS = 60_000;

/** Why an instance that is ahead of the repository goes back to it. */
export type LoanEnd = 'withdrawn' | 'another-leader' | 'replaced' | 'not-published';

/**
 * Being ahead of the repository is a loan: the leader has promised to publish what it handed over. This remembers what
 * the leader says, and for how long the repository has not listed what was promised. It is kept in memory: a new process
 * hears the leader's present standing when it connects, and begins to count again.
 */
export class Loan {
	readonly #uptimeMs: () => number;
	#standing: LeaderStanding | null = null;
	/** The last one that was replaced, and could not be followed. */
	#replaced: AheadPosition | null = null;
	#unlisted: { readonly position: AheadPosition; readonly since: number } | null = null;
	#lapsedAt: string | null = null;

	/** @param options.uptimeMs milliseconds of a clock that only goes forward. */
	constructor({ uptimeMs }: { readonly uptimeMs: () => number }) {
		this.#uptimeMs = uptimeMs;
	}

	/**
	 * The leader said what it stands by.
	 * @returns whether an instance at `position` should look into the repository now.
	 */
	hear(standing: LeaderStanding, position: Position | null): boolean {
		this.#standing = standing;
		// It came back to what it had replaced.
		if (this.#replaced?.digest === standing.digest) this.#replaced = null;
		return position !== null && position.id === null && this.#calledIn(position) !== null;
	}

	/** Whether an instance may apply, ahead of the repository, what was handed over. */
	mayBegin(place: LineagePlace, position: Position): boolean {
		// A leader whose announcement did not come true gets no further credit before it has published something.
		if (position.id !== null && position.id === this.#lapsedAt) return false;
		return this.#calledIn({ digest: place.digest, leaderId: place.instanceId }) === null;
	}

	/** A later snapshot has taken the place of the one at `position`, and cannot be applied ahead of the repository. */
	replace(position: AheadPosition): void {
		this.#replaced = position;
	}

	/** The repository could not be reached, which is no reason to give anything back. */
	noteUnreachable(): void {
		this.#unlisted = null;
	}

	/** The repository was reached, and does not list what is applied here. @returns why the loan is over, or null while it is not. */
	judge(position: AheadPosition, head: { readonly id: string }): LoanEnd | null {
		const now = this.#uptimeMs();
		if (this.#unlisted === null || !isSame(this.#unlisted.position, position))
			this.#unlisted = { position, since: now };
		const calledIn = this.#calledIn(position);
		if (calledIn !== null) return calledIn;
		if (this.#replaced !== null && isSame(this.#replaced, position)) return 'replaced';
		if (now - this.#unlisted.since < UNLISTED_MAX_MS) return null;
		this.#lapsedAt = head.id;
		return 'not-published';
	}

	/** By what the leader says. One that stands by the same content will do, whichever instance it is. */
	#calledIn(held: Pick<AheadPosition, 'digest' | 'leaderId'>): LoanEnd | null {
		const standing = this.#standing;
		if (standing === null || standing.digest === held.digest) return null;
		const isAnother =
			standing.instanceId !== null && held.leaderId !== null && standing.instanceId !== held.leaderId;
		if (isAnother) return 'another-leader';
		return standing.digest === null ? 'withdrawn' : null;
	}
}

function isSame(one: AheadPosition, other: AheadPosition): boolean {
	return one.generation === other.generation && one.digest === other.digest;
}
