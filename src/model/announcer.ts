import type { LineagePlace } from './lineage.ts';
import type { Manifest } from './snapshot.ts';

/** A snapshot that a leader publishes, with all that its replicas would fetch. */
export interface Announcement {
	readonly place: LineagePlace;
	readonly manifest: Manifest;
	/** Path below the tree's root → bytes. Without the manifest. */
	readonly tree: ReadonlyMap<string, Uint8Array>;
}

/**
 * What a leader tells the replicas that listen to it. It stands by one snapshot at most: an announcement takes the
 * place of the one before. Nobody who publishes waits for replicas, and nothing here fails.
 */
export interface Announcer {
	/** It is on its way into the repository. */
	announce(announcement: Announcement): void;
	/** It is in the repository now. */
	confirm(announcement: Announcement): void;
	/** The leader stands by nothing any more: what it announced is not published, or another leader's came first. */
	withdraw(): void;
}

/** What a replica heard last from its leader. */
export interface LeaderStanding {
	/** Null where the leader does not say: one of an earlier version. */
	readonly instanceId: string | null;
	/** Of the snapshot that the leader stands by, announced or published; null when there is none. */
	readonly digest: string | null;
}
