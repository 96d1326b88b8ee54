import type { CatalogTable } from '../model/catalog-table.ts';
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
}
