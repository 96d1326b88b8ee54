import { join } from 'node:path';
import { createPrivateFile } from '../files/create-private-file.ts';
import type { Manifest, SnapshotContent } from '../model/snapshot.ts';
import { encodeManifest } from './manifest-json.ts';

/** Writes a snapshot for programs to read: each table as a JSON array of objects. Bytes are base64. */
export async function writeJsonTree(request: {
	readonly directory: string;
	readonly content: SnapshotContent;
	readonly manifest: Manifest;
}): Promise<void> {
	const { directory, content, manifest } = request;
	for (const { name, columns, rows } of content.tables) {
		const records = rows.map((row) =>
			Object.fromEntries(columns.map((column, i) => [column.name, row[i] ?? null])),
		);
		await createPrivateFile(
			join(directory, 'tables', `${name}.json`),
			`${JSON.stringify(records, encodeValue, '\t')}\n`,
		);
	}
	for (const { path, content: bytes } of content.files)
		await createPrivateFile(join(directory, 'files', path), bytes);
	await createPrivateFile(join(directory, 'snapshot.json'), encodeManifest(manifest));
}

/** JSON has no integers beyond 2^53 and no bytes; both are written as objects that say what they are. */
function encodeValue(_key: string, value: unknown): unknown {
	if (typeof value === 'bigint') return { int: value.toString() };
	if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') };
	return value;
}
