import { join } from 'node:path';
import { createPrivateFile } from '../files/create-private-file.ts';
import type { Manifest } from '../model/snapshot.ts';
import type { EncodedContent } from './encode.ts';
import { encodeManifest } from './manifest-json.ts';

export const MANIFEST_FILE = 'manifest.json';

/**
 * Writes a snapshot's tree into an existing directory. Directories are made 0700 and files 0600: the tree holds
 * password hashes and the tokens of notifications. The manifest comes last: a tree without one is unfinished.
 */
export async function writeTree(request: {
	readonly directory: string;
	readonly manifest: Manifest;
	readonly encoded: Pick<EncodedContent, 'tree'>;
}): Promise<void> {
	for (const [path, bytes] of request.encoded.tree)
		await createPrivateFile(join(request.directory, path), bytes);
	await createPrivateFile(join(request.directory, MANIFEST_FILE), encodeManifest(request.manifest));
}
