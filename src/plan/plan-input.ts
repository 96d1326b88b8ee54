import type { CatalogTable } from '../model/catalog-table.ts';
import type { Refusals } from '../model/refusal.ts';
import type { DatabaseSchema, TableRows } from '../model/row.ts';
import type { SnapshotContent } from '../model/snapshot.ts';

/** What a database, its settings and its uploaded files hold now. */
export interface Current {
	readonly schema: DatabaseSchema;
	/** Catalog tables with all their columns, the volatile ones too. */
	readonly tables: readonly TableRows[];
	/** Kuma's settings, name → JSON text. */
	readonly settings: ReadonlyMap<string, string | null>;
	/** Uploaded files that are there, path → SHA-256. */
	readonly files: ReadonlyMap<string, string>;
}

/** The wanted state. */
export interface Target {
	readonly content: SnapshotContent;
	/** SHA-256 of each file, by path. */
	readonly fileHashes: ReadonlyMap<string, string>;
}

/** The snapshot that was applied before, as far as a plan needs it. */
export interface Previous {
	/** Table → keys as text. */
	readonly keys: ReadonlyMap<string, ReadonlySet<string>>;
	readonly filePaths: readonly string[];
}

/** What stands in the way of a plan outside of the tables that it is about. */
export interface Obstacles {
	/** Rows outside of the catalog that replicated rows refer to and that are there, as {@link outsideText} names them. */
	readonly outside: ReadonlySet<string>;
	/** Rows that cannot go, because a row outside of the catalog refers to them: table → key as text → that row's table. */
	readonly pinned: ReadonlyMap<string, ReadonlyMap<string, string>>;
	/** What the database and the file system have refused, and what is not tried again now. */
	readonly refused: Refusals;
}

export const NO_OBSTACLES: Obstacles = {
	outside: new Set(),
	pinned: new Map(),
	refused: { rows: [], files: new Map() },
};

export interface PlanInput {
	readonly catalog: readonly CatalogTable[];
	readonly target: Target;
	readonly current: Current;
	readonly previous: Previous | null;
	/** Whether this instance keeps its own edits of local entities. */
	readonly keepsLocalEntities: boolean;
	/** Whether push monitors are paused here, because their URL is called on the leader only. */
	readonly pausesPushMonitors: boolean;
	/** Monitor types that this Kuma knows; null when that cannot be told. */
	readonly monitorTypes: ReadonlySet<string> | null;
	/** Default: nothing is known to be in the way. */
	readonly obstacles?: Obstacles;
	/** Keys of monitors that go, but not with this plan: they stop running, and stay until their history is gone. */
	readonly retiring?: ReadonlySet<string>;
}
