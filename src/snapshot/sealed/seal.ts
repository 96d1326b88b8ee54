import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import * as z from 'zod';
import { createPrivateFile } from '../../files/create-private-file.ts';
import type { LineagePlace } from '../../model/lineage.ts';
import { ReplicatorError } from '../../model/replicator-error.ts';
import type { Manifest } from '../../model/snapshot.ts';
import type { EncodedContent } from '../encode.ts';
import { encodeManifest } from '../manifest-json.ts';
import { MANIFEST_FILE } from '../write-tree.ts';
import { ENTRY_BYTES, packArchive, unpackArchive } from './archive.ts';
import type { SealingKey } from './sealing-key.ts';

/*
 * A sealed snapshot: magic and version, nonce, AES-256-GCM of a gzipped archive, tag. The archive holds the snapshot's
 * tree and, in front of it, its place in the lineage. Fleet and digest are no part of it: who opens it says which
 * snapshot of which fleet it must be, and anything else does not open.
 *
 * A digest proves no origin, and an old snapshot is genuine, too. So the place is sealed as well: whoever stands
 * between a leader and its replicas can withhold a snapshot, but neither make one nor give an old one a new place.
 */

const MAGIC = Buffer.from('RKSEAL\x00\x01', 'latin1');
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';
const PLACE_FILE = 'place.json';

/** What is larger than this, sealed or opened, goes through the repository alone. */
export const SEALED_BYTES_MAX = 64 * 1024 * 1024;
const OPENED_BYTES_MAX = 256 * 1024 * 1024;

/** The files that a snapshot can have; everything else in an archive would land outside of it. */
const TREE_PATH = /^(?:manifest\.json|tables\/[A-Za-z0-9_]{1,64}\.csv|files\/upload\/[^\\\0]+)$/;

const placeSchema = z.strictObject({
	hostname: z.string().min(1).max(255),
	generation: z.int().min(1),
	digest: z.string().regex(/^[0-9a-f]{64}$/),
	parentId: z
		.string()
		.regex(/^[0-9a-f]{64}$/)
		.nullable(),
	instanceId: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
	allowsDeletes: z.boolean(),
});

/**
 * Seals a snapshot for everybody who has the key of its fleet.
 * @returns null when it is too large; the repository carries it then.
 */
export async function sealSnapshot(request: {
	readonly place: LineagePlace;
	readonly manifest: Manifest;
	readonly tree: EncodedContent['tree'];
	readonly fleet: string;
	readonly key: SealingKey;
}): Promise<Buffer | null> {
	const { place, manifest, tree, fleet, key } = request;
	const files: readonly (readonly [string, Uint8Array])[] = [
		// Checked on write as well as on read.
		[PLACE_FILE, Buffer.from(JSON.stringify(placeSchema.parse(place)))],
		...tree,
		[MANIFEST_FILE, Buffer.from(encodeManifest(manifest))],
	];
	const bytes = files.reduce((sum, [path, content]) => sum + Buffer.byteLength(path) + content.length, 0);
	if (bytes + files.length * ENTRY_BYTES > OPENED_BYTES_MAX) return null;
	const nonce = randomBytes(NONCE_BYTES);
	const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
	cipher.setAAD(context(fleet, place.digest));
	const content = cipher.update(await promisify<Buffer, Buffer>(gzip)(packArchive(files)));
	const sealed = Buffer.concat([MAGIC, nonce, content, cipher.final(), cipher.getAuthTag()]);
	return sealed.length > SEALED_BYTES_MAX ? null : sealed;
}

/**
 * Opens a sealed snapshot and writes its tree into an existing, empty, private directory, as the repository's `fetch`
 * does. What the tree holds is not compared with its manifest here.
 * @returns its place in the lineage, as the leader sealed it.
 * @throws ReplicatorError `snapshot-corrupt` for whatever was not sealed as this snapshot of this fleet with this key;
 * `snapshot-format-unknown` for a newer version's.
 */
export async function openSealed(request: {
	readonly sealed: Buffer;
	readonly digest: string;
	readonly fleet: string;
	readonly key: SealingKey;
	readonly directory: string;
}): Promise<LineagePlace> {
	const { digest, directory } = request;
	const where = digest.slice(0, 8);
	const files = unpackArchive(await inflate(decipher({ ...request, where }), where), where);
	const place = readPlace(files.get(PLACE_FILE), where);
	files.delete(PLACE_FILE);
	if (place.digest !== digest) throw corrupt(where, 'it says that it is another one');
	const paths = [...files.keys()];
	if (paths.at(-1) !== MANIFEST_FILE || !paths.every(isTreePath))
		throw corrupt(where, 'it holds other files than a snapshot has');
	for (const [path, bytes] of files) await writeFile(join(directory, path), bytes, where);
	return place;
}

function decipher(request: {
	readonly sealed: Buffer;
	readonly digest: string;
	readonly fleet: string;
	readonly key: SealingKey;
	readonly where: string;
}): Buffer {
	const { sealed, digest, fleet, key, where } = request;
	const contentStart = MAGIC.length + NONCE_BYTES;
	const contentEnd = sealed.length - TAG_BYTES;
	if (contentEnd < contentStart || sealed.length > SEALED_BYTES_MAX)
		throw corrupt(where, 'its size is impossible');
	const version = sealed[MAGIC.length - 1] ?? 0;
	if (!sealed.subarray(0, MAGIC.length - 1).equals(MAGIC.subarray(0, -1)))
		throw corrupt(where, 'it is not sealed');
	if (version !== MAGIC.at(-1)) throw unknownVersion(where, version);
	const opener = createDecipheriv(CIPHER, key, sealed.subarray(MAGIC.length, contentStart), {
		authTagLength: TAG_BYTES,
	});
	opener.setAAD(context(fleet, digest));
	opener.setAuthTag(sealed.subarray(contentEnd));
	try {
		const start = opener.update(sealed.subarray(contentStart, contentEnd));
		return Buffer.concat([start, opener.final()]);
	} catch (cause) {
		throw corrupt(
			where,
			'it was changed on its way, or sealed for another fleet, repository or snapshot, or with another password',
			cause,
		);
	}
}

async function inflate(content: Buffer, where: string): Promise<Buffer> {
	const options = { maxOutputLength: OPENED_BYTES_MAX };
	try {
		return await promisify<Buffer, typeof options, Buffer>(gunzip)(content, options);
	} catch (cause) {
		throw corrupt(where, `its content cannot be unpacked to at most ${OPENED_BYTES_MAX} bytes`, cause);
	}
}

function readPlace(bytes: Buffer | undefined, where: string): LineagePlace {
	try {
		return placeSchema.parse(JSON.parse(bytes?.toString('utf8') ?? ''));
	} catch (cause) {
		throw corrupt(where, 'it does not say what its place in the lineage is', cause);
	}
}

function isTreePath(path: string): boolean {
	return (
		TREE_PATH.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
	);
}

async function writeFile(path: string, bytes: Uint8Array, where: string): Promise<void> {
	try {
		await createPrivateFile(path, bytes);
	} catch (cause) {
		// Two of its paths cannot be there at once, or the system has no such name.
		const { code = '' } = cause as NodeJS.ErrnoException;
		if (!['EEXIST', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG'].includes(code)) throw cause;
		throw corrupt(where, `a file of it cannot be written: ${code}`, cause);
	}
}

/** Fleet names and digests have no line breaks, so two contexts are the same only when both are. */
function context(fleet: string, digest: string): Buffer {
	return Buffer.concat([MAGIC, Buffer.from(`${fleet}\n${digest}`, 'utf8')]);
}

function corrupt(where: string, reason: string, cause?: unknown): ReplicatorError {
	return new ReplicatorError(`The sealed snapshot ${where} cannot be opened: ${reason}.`, {
		code: 'snapshot-corrupt',
		hint:
			'Nothing was changed; the snapshot comes from the repository instead. RESTIC_PASSWORD and REPLICATOR_FLEET must ' +
			'be the same on every instance.',
		cause,
	});
}

function unknownVersion(where: string, version: number): ReplicatorError {
	return new ReplicatorError(
		`The snapshot ${where} is sealed in version ${version}, which is unknown here.`,
		{
			code: 'snapshot-format-unknown',
			hint: 'Upgrade replicator-kuma on this instance to the version of the leader.',
		},
	);
}
