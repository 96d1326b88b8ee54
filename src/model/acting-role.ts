import type { LeaderStanding } from './announcer.ts';
import type { LineagePlace, PublishedSnapshot } from './lineage.ts';
import type { Role } from './role.ts';
import type { InstanceState } from './state.ts';
import type { CycleReport } from './status.ts';

/** What a person may ask of a leader on top of an ordinary cycle. */
export interface BackupOrders {
	readonly takesOver: boolean;
	readonly allowsDeletes: boolean;
	/** Rows, as `table/key`, that may be lost for the whole fleet. */
	readonly dropsHeld: readonly string[];
}

/** What a person may ask of an instance that is to take over what the fleet has. */
export interface RestoreOrders {
	/** Null: the newest. */
	readonly snapshotId: string | null;
	readonly allowsDeletes: boolean;
	readonly isDryRun: boolean;
}

/**
 * What an instance does in its fleet: a leader or a replica, either of which can take the place of the other. The caller
 * lets one piece of work run at a time; only `hurry`, `foresee` and `hear` may be called meanwhile.
 */
export interface ActingRole {
	readonly role: Role;
	/** The newest snapshot that a cycle has seen in the repository. */
	readonly newest: PublishedSnapshot | null;
	readonly state: InstanceState;
	/**
	 * One ordinary cycle. It gives way to something newer while it waits for the repository.
	 * @throws ReplicatorError with whatever kept it from its end; the next one goes on from there.
	 */
	cycle(): Promise<CycleReport>;
	/**
	 * take → publish, with a person's orders.
	 * @throws ReplicatorError `refused` on a replica: what it has on purpose different is not the fleet's configuration.
	 */
	backup(orders: BackupOrders): Promise<CycleReport>;
	/** fetch → plan → apply → reload, with a person's orders. */
	restore(orders: RestoreOrders): Promise<CycleReport>;
	/** A replica's cycle with a snapshot that the leader handed over itself; a leader follows nobody. */
	followLeader(place: LineagePlace): Promise<CycleReport>;
	/**
	 * The leader says which snapshot it stands by.
	 * @returns whether this instance holds another one on loan, so that it should look into the repository now.
	 */
	hear(standing: LeaderStanding): boolean;
	/** Somebody edits this instance: a leader looks up the head meanwhile. */
	foresee(): void;
	/**
	 * A newer edit waits that does not need the repository: to be announced here, or to be applied as the leader handed it
	 * over. A cycle that hangs there is given up for it after a while.
	 */
	hurry(): void;
	/** Whether old snapshots are still to be forgotten after the last publish. */
	readonly isUntidy: boolean;
	/**
	 * Forgets old snapshots after a publish. It takes as long as the publish itself, much longer where the storage is in
	 * trouble, and nobody has to wait for it.
	 * @param givingWay aborted when something else wants its turn: this is left for later then.
	 */
	tidy(givingWay?: AbortSignal): Promise<void>;
}
