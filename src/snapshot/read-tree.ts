import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ReplicatorError } from '../model/replicator-error.ts';
import type { TableRows } from '../model/row.ts';
import type { ManifestTable, Snapshot, SnapshotFile } from '../model/snapshot.ts';
import { toTimezone } from '../model/timezone.ts';
import { digestOf, sha256 } from './digest.ts';
import { tablePath } from './encode.ts';
import { decodeManifest, type WrittenManifest } from './manifest-json.ts';
import { decodeTable } from './table-csv.ts';
import { MANIFEST_FILE } from './write-tree.ts';

/**
 * Reads a snapshot's tree and verifies every byte of it against the manifest, and the manifest against the digest.
 * @param where what to call the snapshot in messages: an id, or the directory.
 * @param expectedDigest the digest that the repository's tags promise, where there is one.
 * @throws ReplicatorError `snapshot-corrupt`, `snapshot-format-unknown`, `snapshot-not-found` (no manifest there),
 * `file-access`.
 */
export async function readTree(request: {
	readonly directory: string;
	readonly where: string;
	readonly expectedDigest?: string;
}): Promise<Snapshot> {
	const { directory, where } = request;
	const manifest = await readManifest(directory, where);
	const tables: TableRows[] = [];
	for (const described of manifest.tables) tables.push(await readTable({ directory, where, described }));
	const files: SnapshotFile[] = [];
	for (const described of manifest.files) {
		const content = await readVerified({
			directory,
			where,
			path: `files/${described.path}`,
			sha256: described.sha256,
		});
		files.push({ path: described.path, content: new Uint8Array(content) });
	}
	const digest = digestOf(manifest);
	if (digest !== manifest.digest || (request.expectedDigest ?? digest) !== digest) {
		throw corrupt(where, 'its content does not have the digest that it was published with');
	}
	const timezone = toTimezone(manifest.timezone);
	return {
		manifest: { ...manifest, timezone },
		content: { databaseKind: manifest.databaseKind, timezone, tables, files },
	};
}

/** Reads only the manifest of a tree. */
async function readManifest(directory: string, where: string): Promise<WrittenManifest> {
	let json: string;
	try {
		json = await readFile(join(directory, MANIFEST_FILE), 'utf8');
	} catch (cause) {
		if (!isAbsent(cause)) throw unreadable(join(directory, MANIFEST_FILE), cause);
		throw new ReplicatorError(`There is no snapshot in ${where}: it has no ${MANIFEST_FILE}.`, {
			code: 'snapshot-not-found',
			hint: 'Name a folder that "replicator-kuma export" has written, or a snapshot that "replicator-kuma snapshots" lists.',
			cause,
		});
	}
	return decodeManifest(json, where);
}

async function readTable(request: {
	readonly directory: string;
	readonly where: string;
	readonly described: ManifestTable;
}): Promise<TableRows> {
	const { described, where } = request;
	const path = tablePath(described.name);
	const bytes = await readVerified({ ...request, path, sha256: described.sha256 });
	try {
		return decodeTable(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), described);
	} catch (cause) {
		throw corrupt(where, `${path}: ${cause instanceof Error ? cause.message : cause}`, cause);
	}
}

async function readVerified(request: {
	readonly directory: string;
	readonly where: string;
	readonly path: string;
	readonly sha256: string;
}): Promise<Buffer> {
	let bytes: Buffer;
	try {
		bytes = await readFile(join(request.directory, request.path));
	} catch (cause) {
		if (!isAbsent(cause)) throw unreadable(join(request.directory, request.path), cause);
		throw corrupt(request.where, `${request.path} is missing`, cause);
	}
	if (sha256(bytes) !== request.sha256) {
		throw corrupt(request.where, `${request.path} is not what the manifest describes`);
	}
	return bytes;
}

function isAbsent(cause: unknown): boolean {
	const { code } = cause as NodeJS.ErrnoException;
	return code === 'ENOENT' || code === 'ENOTDIR';
}

function unreadable(path: string, cause: unknown): ReplicatorError {
	return new ReplicatorError(`${path} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, {
		code: 'file-access',
		hint: 'Check what it is, who owns it and who may read it. Nothing was changed.',
		cause,
	});
}

function corrupt(where: string, reason: string, cause?: unknown): ReplicatorError {
	return new ReplicatorError(`The snapshot ${where} is damaged: ${reason}. Nothing of it was applied.`, {
		code: 'snapshot-corrupt',
		hint: 'Check the repository with "restic check"; the next publish of the leader replaces this snapshot.',
		cause,
	});
}
