import { deriveSealingKey, type SealingKey } from '../snapshot/sealed/sealing-key.ts';

/** A repository that was made anew has another id, and so another key; that is found out no more often than this. */
const RENEWED_AT_MOST_EVERY_MS = 10 * 60 * 1000;

/** The key that a fleet's snapshots are sealed with. It costs a call of restic, so it is kept. */
export interface FleetKey {
	/** Rejects with what finding the password or the repository's id rejected with; the next call tries again. */
	get(): Promise<SealingKey>;
	/** Forgets the key when it is not new, because something did not open with it. */
	renew(): void;
}

/** @returns a fleet's key that is derived when it is asked for at first; nothing is asked of the repository until then. */
export function createFleetKey(from: {
	readonly password: () => Promise<string>;
	readonly repositoryId: () => Promise<string>;
	/** @returns milliseconds of any clock that only goes forward. */
	readonly now?: () => number;
}): FleetKey {
	const now = from.now ?? (() => performance.now());
	let kept: { readonly key: Promise<SealingKey>; readonly madeAt: number } | null = null;
	return {
		async get() {
			const current = kept ?? { key: derive(from), madeAt: now() };
			kept = current;
			try {
				return await current.key;
			} catch (error) {
				if (kept === current) kept = null;
				throw error;
			}
		},
		renew() {
			if (kept !== null && now() - kept.madeAt >= RENEWED_AT_MOST_EVERY_MS) kept = null;
		},
	};
}

async function derive(from: {
	readonly password: () => Promise<string>;
	readonly repositoryId: () => Promise<string>;
}): Promise<SealingKey> {
	const password = await from.password();
	return deriveSealingKey({ password, repositoryId: await from.repositoryId() });
}
