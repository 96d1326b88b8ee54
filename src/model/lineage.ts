/**
 * One of our snapshots as the repository lists it: from its tags alone, without reading any of its content.
 */
export interface PublishedSnapshot {
	/** restic's id, 64 hexadecimal digits. */
	readonly id: string;
	/** ISO 8601 as restic gives it. */
	readonly time: string;
	readonly hostname: string;
	/**
	 * Position in the lineage: the parent's + 1, from 1. What a replica follows before there is a lineage, a snapshot
	 * of the original, has {@link LEGACY_GENERATION}.
	 */
	readonly generation: number;
	readonly digest: string;
	/** restic's id of the parent, or null for the first. */
	readonly parentId: string | null;
	/** Which instance published it. */
	readonly instanceId: string;
	/** A person confirmed on the leader that what this snapshot lacks may be deleted on replicas. */
	readonly allowsDeletes: boolean;
}

/** The fleet of who names none. It alone is the heir of the original, which knows no fleets. */
export const DEFAULT_FLEET = 'default';

/** The generation of what stands in no lineage: every snapshot of a leader comes after it, and none has it as parent. */
export const LEGACY_GENERATION = 0;

/** A snapshot that the original Replicator Kuma made. It does not say what it holds: that is known once it is read. */
export interface LegacySnapshot {
	/** restic's id, 64 hexadecimal digits. */
	readonly id: string;
	/** ISO 8601 as restic gives it. */
	readonly time: string;
	readonly hostname: string;
	/** The original's version. What 1 made of Uptime Kuma 1 is listed for people, and followed by nobody. */
	readonly version: 1 | 2;
}

/** What a repository holds for one fleet, while it may be moving from the original. */
export interface Listing {
	/** Oldest generation first. */
	readonly published: readonly PublishedSnapshot[];
	/** Oldest first. */
	readonly legacy: readonly LegacySnapshot[];
}

/** What a leader asks the repository to keep. */
export interface Publication {
	/** Folder that holds the snapshot's tree. It stays the same from publish to publish. */
	readonly directory: string;
	readonly hostname: string;
	readonly generation: number;
	readonly digest: string;
	readonly parentId: string | null;
	readonly instanceId: string;
	readonly allowsDeletes: boolean;
}

/** What a snapshot is in its lineage, and whose, wherever it is kept. */
export type LineagePlace = Omit<Publication, 'directory'>;

/** A snapshot that its leader handed over itself, before it was seen in the repository. */
export interface AheadSnapshot extends LineagePlace {
	readonly id: null;
	/** ISO 8601, UTC: when the leader made it. */
	readonly time: string;
}

/** A snapshot of the lineage, wherever it came from. */
export type LineageSnapshot = PublishedSnapshot | AheadSnapshot;

/** How many snapshots a leader keeps: all three rules apply, and one that any of them keeps stays. */
export interface Retention {
	readonly last: number;
	readonly days: number;
	readonly months: number;
}

/**
 * A place where snapshots are kept, seen as one fleet sees it. Implementations: restic, and memory for tests.
 *
 * Failures are ReplicatorErrors: `restic-missing`, `restic-too-old`, `repository-missing`,
 * `repository-password-wrong`, `repository-unreachable` (retryable), `repository-locked` (retryable),
 * `restic-failed`, `restic-timed-out` (retryable), `snapshot-not-found`, `snapshot-corrupt`, `disk-full`,
 * `configuration-invalid` (no location that restic knows), `interrupted`.
 */
export interface Repository {
	/** Where it is, for messages, without credentials. */
	readonly location: string;
	/** @returns the same, every call of which ends with the signal's reason when that is aborted. */
	within?(signal: AbortSignal): Repository;
	/**
	 * All snapshots of this fleet's lineage, oldest generation first; forks are in the list. One restic process
	 * and no lock. Foreign snapshots, and those of other fleets, are left out.
	 * @throws ReplicatorError `repository-missing` when there is no repository; an unreachable backend or a wrong
	 * password is never mistaken for that.
	 */
	list(): Promise<PublishedSnapshot[]>;
	/** The same, at the same price, with the snapshots of the original beside it for the fleet that inherits them. */
	listWithLegacy(): Promise<Listing>;
	/**
	 * restic's id of the repository, 64 hexadecimal digits: the same for everybody who can open it, until it is made
	 * anew. One restic process and no lock; nothing is remembered.
	 */
	id(): Promise<string>;
	/** Creates the repository. Only for a leader, and only after `list` said `repository-missing`. */
	create(): Promise<void>;
	/**
	 * Keeps the tree under `publication.directory`: from then on everybody can find it.
	 * @returns the beginning of its id, at least 8 digits.
	 */
	publish(publication: Publication): Promise<string>;
	/** Writes the tree of one snapshot into an existing, empty, private directory. No lock. */
	fetch(request: { id: string; directory: string }): Promise<void>;
	/** Forgets what the retention rules do not keep, never `headId`. A backend that only grows is not a failure. */
	retain(request: {
		retention: Retention;
		headId: string;
	}): Promise<{ outcome: 'retained'; forgotten: string[] } | { outcome: 'append-only' }>;
	/**
	 * Frees the space of forgotten snapshots, unless somebody else's snapshots are in the same repository or its
	 * backend only grows. To the fleet that inherits them, the original's are not somebody else's.
	 * @returns whether it ran.
	 */
	prune(): Promise<{ outcome: 'pruned' } | { outcome: 'shared' } | { outcome: 'append-only' }>;
}
