import {
	type Manifest,
	type ManifestFile,
	type ManifestTable,
	type Origin,
	SNAPSHOT_FORMAT_VERSION,
	type SnapshotContent,
	type SnapshotParent,
} from '../model/snapshot.ts';
import { digestOf, sha256 } from './digest.ts';
import { encodeTable } from './table-csv.ts';

/** A snapshot as the files of its tree, not yet on disk. */
export interface EncodedContent {
	readonly digest: string;
	readonly tables: readonly ManifestTable[];
	readonly files: readonly ManifestFile[];
	/** Path below the tree's root → bytes. Without the manifest. */
	readonly tree: ReadonlyMap<string, Uint8Array>;
}

/** Where a table's rows stand in the tree. */
export function tablePath(name: string): string {
	return `tables/${name}.csv`;
}

/** Encodes what a database holds. The same content gives the same bytes and the same digest, always. */
export function encodeContent(content: SnapshotContent): EncodedContent {
	const tree = new Map<string, Uint8Array>();
	const tables = content.tables.map((table): ManifestTable => {
		const { csv, stored } = encodeTable(table);
		tree.set(tablePath(table.name), csv);
		return {
			name: table.name,
			columns: table.columns.map((column, index) => ({ ...column, stored: stored[index] ?? 'text' })),
			key: table.key,
			rowCount: table.rows.length,
			sha256: sha256(csv),
		};
	});
	const files = content.files.map((file): ManifestFile => {
		tree.set(`files/${file.path}`, file.content);
		return { path: file.path, sizeBytes: file.content.length, sha256: sha256(file.content) };
	});
	return { digest: digestOf({ timezone: content.timezone, tables, files }), tables, files, tree };
}

/** Completes encoded content to a manifest: who made it, when, and on top of what. */
export function makeManifest(request: {
	readonly encoded: EncodedContent;
	readonly origin: Origin;
	readonly parent: SnapshotParent | null;
	/** ISO 8601, UTC. */
	readonly createdAt: string;
}): Manifest {
	return {
		formatVersion: SNAPSHOT_FORMAT_VERSION,
		...request.origin,
		createdAt: request.createdAt,
		digest: request.encoded.digest,
		parent: request.parent,
		tables: request.encoded.tables,
		files: request.encoded.files,
	};
}
