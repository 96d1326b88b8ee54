import type { SnapshotHint } from './snapshot-hint.ts';

/** Seals the content of an announced snapshot; null when it goes through the repository alone. */
export type Seal = () => Promise<Uint8Array | null>;

/**
 * The newest snapshot of a leader, for everybody who listens. Nobody who publishes waits for anybody here, and only the
 * newest is kept: who is slow is told that one, and none in between.
 */
export class SnapshotFeed {
	#newest: SnapshotHint | null = null;
	#seal: Seal = async () => null;
	#sealed: Promise<Uint8Array | null> | null = null;
	readonly #listeners = new Set<() => void>();

	/** The newest snapshot that was announced. */
	get newest(): SnapshotHint | null {
		return this.#newest;
	}

	/**
	 * Announces a snapshot, or tells that one which was announced before is in the repository now.
	 * @param seal called when somebody asks for the content, once if it succeeds; not at all for a snapshot that is known.
	 */
	announce(hint: SnapshotHint, seal: Seal): void {
		const isKnown = this.#newest?.generation === hint.generation && this.#newest.digest === hint.digest;
		if (isKnown && this.#newest?.isKept === hint.isKept) return;
		this.#newest = hint;
		if (!isKnown) {
			this.#seal = seal;
			this.#sealed = null;
		}
		for (const listener of this.#listeners) listener();
	}

	/** Takes an announcement back whose snapshot was not published: from now on nobody gets it. */
	withdraw(digest: string): void {
		if (this.#newest?.digest !== digest) return;
		this.#newest = null;
		this.#seal = async () => null;
		this.#sealed = null;
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

	/** Calls `listener` after each announcement. @returns how to stop that. */
	subscribe(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}
}
