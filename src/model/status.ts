import type { ReplicatorMode, Role } from './role.ts';
import type { StageDurations } from './stages.ts';
import type { HeldRow, Position, RecordedPosition, Remark } from './state.ts';

/** A failure as it is shown: what, and the way out. */
export interface ShownError {
	readonly code: string;
	readonly message: string;
	readonly hint: string | null;
}

/** What one cycle, or one command, came to. */
export interface CycleReport {
	readonly outcome: string;
	/** One sentence for people. */
	readonly summary: string;
	/** A person must decide something before it goes on. */
	readonly needsDecision: boolean;
	/** What tells one such decision from another, whatever snapshot it is about. */
	readonly trouble?: string;
	/** Lines in words: what was planned or applied. */
	readonly details: readonly string[];
	readonly heldRows: readonly HeldRow[];
	/** The snapshot that was published, applied or looked at. */
	readonly snapshotId: string | null;
	/** Where the time went. */
	readonly stages: StageDurations;
}

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

/** What the running replicator-kuma says of itself; the answer of `status --json`, and its contract. */
export interface Status {
	readonly productVersion: string;
	readonly mode: ReplicatorMode;
	readonly role: Role;
	readonly hostname: string;
	readonly instanceId: string;
	readonly fleet: string;
	readonly repository: string;
	/** The newest snapshot that was seen in the repository. */
	readonly newest: (RecordedPosition & { readonly time: string; readonly hostname: string }) | null;
	/** The snapshot that this instance published or applied last. Its id is null while the repository does not have it yet. */
	readonly applied: Position | null;
	/** Milliseconds since the newest snapshot was published, while it is not applied here; 0 when it is. */
	readonly lagMs: number | null;
	readonly kuma: {
		readonly state: string;
		readonly version: string | null;
		readonly pid: number | null;
		readonly restarts: number;
		/** The agent inside of Kuma; `missing`: what it cannot do on this Kuma, and why. */
		readonly agent: { readonly isConnected: boolean; readonly missing: Readonly<Record<string, string>> };
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
