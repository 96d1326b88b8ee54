import type { LineagePlace } from './lineage.ts';
import type { Manifest } from './snapshot.ts';

/** A snapshot that a leader publishes, with all that its replicas would fetch. */
export interface Announcement {
	readonly place: LineagePlace;
	readonly manifest: Manifest;
	/** Path below the tree's root → bytes. Without the manifest. */
	readonly tree: ReadonlyMap<string, Uint8Array>;
}

/** Tells replicas that listen of a snapshot. Nobody who publishes waits for them, and nothing here fails. */
export interface Announcer {
	/** It is on its way into the repository. */
	announce(announcement: Announcement): void;
	/** It is in the repository now. */
	confirm(announcement: Announcement): void;
	/** It did not get there, or another one came first. */
	withdraw(digest: string): void;
}
