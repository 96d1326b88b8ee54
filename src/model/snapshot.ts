import type { Column, DatabaseKind, StoredType, TableRows } from './row.ts';

/** The newest snapshot format that this version reads, and the one it writes. */
export const SNAPSHOT_FORMAT_VERSION = 1;

export interface ManifestColumn extends Column {
	readonly stored: StoredType;
}

export interface ManifestTable {
	readonly name: string;
	readonly columns: readonly ManifestColumn[];
	readonly key: readonly string[];
	readonly rowCount: number;
	/** SHA-256 of `tables/<name>.csv`, hexadecimal. */
	readonly sha256: string;
}

export interface ManifestFile {
	/** Below the data directory, with forward slashes: `upload/logo1.png`. */
	readonly path: string;
	readonly sizeBytes: number;
	readonly sha256: string;
}

/** The parent in the lineage: what the leader had published or applied before. */
export interface SnapshotParent {
	/** restic's id of the parent. */
	readonly id: string;
	readonly digest: string;
}

/** Where a snapshot comes from. */
export interface Origin {
	readonly productVersion: string;
	/** Kuma's version, or null when it could not be found out. */
	readonly kumaVersion: string | null;
	readonly databaseKind: DatabaseKind;
	readonly hostname: string;
	readonly instanceId: string;
	/** IANA name of the zone that the leader's Kuma runs in: what a `SAME_AS_SERVER` maintenance means. */
	readonly timezone: string;
}

export interface Manifest extends Origin {
	readonly formatVersion: number;
	/** ISO 8601, UTC. */
	readonly createdAt: string;
	readonly digest: string;
	readonly parent: SnapshotParent | null;
	readonly tables: readonly ManifestTable[];
	readonly files: readonly ManifestFile[];
}

export interface SnapshotFile {
	readonly path: string;
	readonly content: Uint8Array;
}

/** What a database and its data directory hold of the catalog. */
export interface SnapshotContent {
	readonly databaseKind: DatabaseKind;
	readonly timezone: string;
	/** In catalog order. A table that the leader's Kuma does not have is not in the list. */
	readonly tables: readonly TableRows[];
	readonly files: readonly SnapshotFile[];
}

/** A complete, immutable copy of the catalog's rows and files, with its manifest. */
export interface Snapshot {
	readonly manifest: Manifest;
	readonly content: SnapshotContent;
}
