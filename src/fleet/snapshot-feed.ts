import type { SnapshotHint, Withdrawal } from './snapshot-hint.ts';

/** Seals the content of an announced snapshot; null when it goes through the repository alone. */
export type Seal = () => Promise<Uint8Array | null>;

/**
 * The newest snapshot of a leader, for everybody who listens. Nobody who publishes waits for anybody here, and only the
 * newest is kept: who is slow is told that one, and none in between.
 */
export class SnapshotFeed {
	#newest: SnapshotHint | null = null;
	#withdrawal: Withdrawal | null = null;
	/** Whether it is known what the leader stands by. */
	#isKnown = false;
	#seal: Seal = async () => null;
	#sealed: Promise<Uint8Array | null> | null = null;
	readonly #listeners = new Set<() => void>();

	/**
	 * What this leader remembers is known now; before, there is nothing to say.
	 * @param options.isOpen whether an announcement of an earlier process is open: until the leader has closed it, there
	 * is nothing to say of it either.
	 */
	begin(options: { readonly instanceId: string; readonly isOpen: boolean }): void {
		this.#withdrawal = { instanceId: options.instanceId };
		this.#isKnown ||= !options.isOpen;
		this.#notify();
	}

	/** The newest snapshot that was announced, and not withdrawn. */
	get newest(): SnapshotHint | null {
		return this.#newest;
	}

	/** What to say while the leader stands by no snapshot; null while it does, and while that is not known. */
	get withdrawal(): Withdrawal | null {
		return this.#isKnown && this.#newest === null ? this.#withdrawal : null;
	}

	/**
	 * Announces a snapshot, or tells that one which was announced before is in the repository now.
	 * @param seal called when somebody asks for the content, once if it succeeds; not at all for a snapshot that is known.
	 */
	announce(hint: SnapshotHint, seal: Seal): void {
		const isKnown = this.#newest?.generation === hint.generation && this.#newest.digest === hint.digest;
		if (isKnown && this.#newest?.isKept === hint.isKept) return;
		this.#newest = hint;
		this.#isKnown = true;
		if (!isKnown) {
			this.#seal = seal;
			this.#sealed = null;
		}
		this.#notify();
	}

	/** The leader stands by nothing any more: from now on nobody gets what was announced, and whoever listens is told. */
	withdraw(): void {
		if (this.withdrawal !== null) return;
		this.#newest = null;
		this.#isKnown = true;
		this.#seal = async () => null;
		this.#sealed = null;
		this.#notify();
	}

	/** @returns the sealed content of the newest snapshot, or null for any other. Rejects when it could not be sealed. */
	async content(digest: string): Promise<Uint8Array | null> {
		if (this.#newest?.digest !== digest) return null;
		const sealed = this.#sealed ?? this.#seal();
		this.#sealed = sealed;
		try {
			return await sealed;
		} catch (error) {
			// The next one who asks may have more luck.
			if (this.#sealed === sealed) this.#sealed = null;
			throw error;
		}
	}

	/** Calls `listener` after each announcement and each withdrawal. @returns how to stop that. */
	subscribe(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	#notify(): void {
		for (const listener of this.#listeners) listener();
	}
}
