import type { Role } from './role.ts';

/** A snapshot in the repository. */
export interface RecordedPosition {
	/** restic's id of the snapshot. */
	readonly id: string;
	readonly generation: number;
	readonly digest: string;
}

/** A snapshot that the leader handed over itself, and that was not seen in the repository yet. */
export interface AheadPosition {
	readonly id: null;
	readonly generation: number;
	readonly digest: string;
	/** restic's ids of its ancestors that are known, the parent first. */
	readonly ancestorIds: readonly string[];
	/** Which instance handed it over; null in a state that an earlier version wrote. */
	readonly leaderId: string | null;
	/** Since when this instance has been ahead of the repository: ISO 8601, UTC. Null in a state that an earlier version wrote. */
	readonly since: string | null;
}

/** A place in the lineage. */
export type Position = RecordedPosition | AheadPosition;

/** What a leader is about to publish, recorded before it does, so that a crash in between is understood later. */
export interface PublishIntent {
	readonly parentId: string | null;
	readonly generation: number;
	readonly digest: string;
}

/**
 * What a leader announced to its replicas, recorded before it does. As long as this is recorded, the leader owes them
 * a publish, of this snapshot or of one that takes its place, or a withdrawal.
 */
export interface OpenAnnouncement extends PublishIntent {
	/** When the announced snapshot was made: ISO 8601, UTC. One that takes its place is made later. */
	readonly createdAt: string;
}

/** A row that could not be applied as it is. */
export interface HeldRow {
	readonly table: string;
	/** The key's values as text, joined by commas. */
	readonly key: string;
	/** What a person calls the row: a monitor's name, a status page's slug. */
	readonly title: string;
	/**
	 * `held`: the replica's row was left as it was, or is missing. `paused`: a monitor is there, but does not run.
	 * `partial`: the row is there without something that this Kuma cannot keep.
	 */
	readonly how: 'held' | 'paused' | 'partial';
	readonly reason: string;
}

/** What is different here on purpose, or hangs on a setting of this instance: nothing to repair, but worth knowing. */
export interface Remark {
	/** The monitor's id. */
	readonly key: string;
	readonly title: string;
	/** `push-paused`: its URL is called on the leader only. `setting-missing`: it needs a local setting. */
	readonly kind: 'push-paused' | 'setting-missing';
	readonly reason: string;
}

/** What an instance remembers about itself between two runs. */
export interface InstanceState {
	/** Random, made once; names this instance in the lineage. */
	readonly instanceId: string;
	/** The snapshot that this instance published or applied last; null before the first. */
	readonly position: Position | null;
	readonly intent: PublishIntent | null;
	readonly announced: OpenAnnouncement | null;
	/** The role that `position` was reached in. */
	readonly role: Role | null;
	/** The Kuma version that the last plan was made for. */
	readonly kumaVersion: string | null;
	readonly heldRows: readonly HeldRow[];
	readonly remarks: readonly Remark[];
	/** ISO 8601, UTC; null before the first prune. */
	readonly lastPrunedAt: string | null;
}
