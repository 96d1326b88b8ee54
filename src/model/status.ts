import type { ReplicatorMode, Role } from './role.ts';
import type { StageDurations } from './stages.ts';
import type { HeldRow, Position, RecordedPosition, Remark } from './state.ts';
import type { TimezoneChange } from './timezone.ts';

/** A failure as it is shown: what, and the way out. */
export interface ShownError {
	readonly code: string;
	readonly message: string;
	readonly hint: string | null;
}

/** What one cycle, or one command, came to. */
export interface CycleReport extends CycleEnd {
	/** Where the time went. */
	readonly stages: StageDurations;
}

/**
 * `published`, `applied`: something has changed. `unchanged`, `up-to-date`: there was nothing to do. `planned`: a preview.
 * `held`, `stood-down`: a person must decide. `not-set-up`: Kuma has no database yet. `wait-for-user`: it has no user
 * yet. `nothing-published`: the repository has no snapshot of this fleet.
 */
export type CycleOutcome =
	| 'published'
	| 'applied'
	| 'unchanged'
	| 'up-to-date'
	| 'planned'
	| 'held'
	| 'stood-down'
	| 'not-set-up'
	| 'wait-for-user'
	| 'nothing-published';

/** The same, without what it took. */
export interface CycleEnd {
	readonly outcome: CycleOutcome;
	/** One sentence for people. */
	readonly summary: string;
	/** A person must decide something before it goes on. */
	readonly needsDecision: boolean;
	/** What tells one such decision from another, whatever snapshot it is about. */
	readonly trouble?: string;
	/** The leader stands in another time zone than before. */
	readonly timezoneChange?: TimezoneChange;
	/** Lines in words: what was planned or applied. */
	readonly details: readonly string[];
	readonly heldRows: readonly HeldRow[];
	/** The snapshot that was published, applied or looked at. */
	readonly snapshotId: string | null;
}

/** A cycle that neither planned nor held anything. */
export const NO_DETAILS = { needsDecision: false, details: [], heldRows: [], snapshotId: null } as const;

/** Whether a replica hears its leader; snapshots come from the repository in any case. */
export interface LeaderConnection {
	readonly url: string;
	readonly isConnected: boolean;
	/** Why it is not connected; null while it is, and before the first attempt has ended. */
	readonly reason: string | null;
}

/** How often restic was called, each time a process of its own, and how that went. */
export interface ResticUse {
	readonly calls: number;
	/** Those of them that failed; not those that ended because everything ended. */
	readonly failedCalls: number;
	readonly totalMs: number;
	readonly last: {
		readonly command: string;
		readonly outcome: string;
		readonly durationMs: number;
		readonly finishedAt: string;
	} | null;
}

/** Something beside Kuma that does not work, why, and the way out. Kuma runs all the same. */
export interface Trouble extends ShownError {
	/** What it is: `replication`, `http`, `control socket`, `agent socket`, `kuma record`, or the path of a file. */
	readonly part: string;
	readonly since: string;
	/** When it is tried again; null while it is being tried, and where that helps only after a restart. */
	readonly retryAt: string | null;
}

/** Whether replication works as a whole: `down` is not a cycle that fails, but that there can be none. */
export interface ReplicationState {
	readonly state: 'starting' | 'working' | 'down';
	/** Why it is down; null otherwise. */
	readonly trouble: Trouble | null;
}

/**
 * Kuma as a supervised process. `starting` lasts until its port answers; `backing-off` is the wait between a crash, or a
 * failed start, and the next start.
 */
export type KumaState = 'stopped' | 'starting' | 'running' | 'stopping' | 'backing-off';

/** Whether the monitors of Kuma beat. */
export interface KumaBeatsStatus {
	/**
	 * `missing`: no monitor has beaten for two intervals, so nothing is watched. `idle`: no active monitor beats by itself.
	 * `unknown`: Kuma was not looked at yet.
	 */
	readonly state: 'unknown' | 'idle' | 'beating' | 'missing';
	/** How many monitors are active and beat by themselves: push monitors and groups do not count. */
	readonly monitors: number;
	/** The last beat of any of them that was seen. */
	readonly lastBeatAt: string | null;
	/** What Kuma failed with since then, if anybody saw it. */
	readonly lastError: string | null;
}

/** What the running replicator-kuma says of itself; the answer of `status --json`, and its contract. */
export interface Status {
	readonly productVersion: string;
	/** Null, as its role and its repository are, where the configuration cannot be used so far. */
	readonly mode: ReplicatorMode | null;
	readonly role: Role | null;
	readonly hostname: string;
	/** Null while replication has not started, or is down. */
	readonly instanceId: string | null;
	readonly fleet: string;
	readonly repository: string | null;
	readonly replication: ReplicationState;
	/** What else does not work. */
	readonly troubles: readonly Trouble[];
	/** Failures that nothing has expected, since this process started; they end nothing. */
	readonly unexpectedErrors: {
		readonly count: number;
		readonly last: { readonly message: string; readonly at: string } | null;
	};
	/** The newest snapshot that was seen in the repository. */
	readonly newest: (RecordedPosition & { readonly time: string; readonly hostname: string }) | null;
	/** The snapshot that this instance published or applied last. Its id is null while the repository does not have it yet. */
	readonly applied: Position | null;
	/** Milliseconds since the newest snapshot was published, while it is not applied here; 0 when it is. */
	readonly lagMs: number | null;
	readonly kuma: {
		readonly state: KumaState;
		readonly version: string | null;
		readonly pid: number | null;
		readonly restarts: number;
		/**
		 * The agent inside of Kuma. `missing`: what it cannot do on this Kuma, and why. `problems`: what Kuma has not taken
		 * up yet, such as a monitor that did not start; it is tried again.
		 */
		readonly agent: {
			readonly isConnected: boolean;
			readonly missing: Readonly<Record<string, string>>;
			readonly problems: readonly string[];
		};
		readonly beats: KumaBeatsStatus;
	};
	/** The leader's own events, where a replica listens to them. */
	readonly leader: LeaderConnection | null;
	/** What was asked of restic since this process started. */
	readonly restic: ResticUse;
	readonly heldRows: readonly HeldRow[];
	readonly remarks: readonly Remark[];
	readonly lastCycle: (CycleReport & { readonly finishedAt: string; readonly durationMs: number }) | null;
	readonly lastSuccessAt: string | null;
	readonly lastError: (ShownError & { readonly at: string }) | null;
}
