import { ReplicatorError } from '../../model/replicator-error.ts';

/** More files, or longer paths, than any snapshot has. */
const FILES_MAX = 10_000;
const PATH_BYTES_MAX = 1_100;
const PATH_LENGTH_BYTES = 2;
const SIZE_BYTES = 4;
/** What a file takes on top of its path and its bytes. */
export const ENTRY_BYTES = PATH_LENGTH_BYTES + SIZE_BYTES;

/**
 * Puts files one behind the other: for each the length of its path (2 bytes), the path, its size (4 bytes, big endian
 * like the length) and its bytes. An archive format of the world would bring links, owners and devices, which would
 * have to be refused again.
 */
export function packArchive(files: Iterable<readonly [path: string, bytes: Uint8Array]>): Buffer {
	const parts: Uint8Array[] = [];
	for (const [path, bytes] of files) {
		const pathBytes = Buffer.from(path, 'utf8');
		const pathLength = Buffer.alloc(PATH_LENGTH_BYTES);
		pathLength.writeUInt16BE(pathBytes.length);
		const size = Buffer.alloc(SIZE_BYTES);
		size.writeUInt32BE(bytes.length);
		parts.push(pathLength, pathBytes, size, bytes);
	}
	return Buffer.concat(parts);
}

/**
 * @returns the files of an archive, by path, in its order. They share the archive's memory.
 * @throws ReplicatorError `snapshot-corrupt` for anything that {@link packArchive} does not make of different paths.
 */
export function unpackArchive(archive: Buffer, where: string): Map<string, Buffer> {
	const files = new Map<string, Buffer>();
	let offset = 0;
	const take = (length: number): Buffer => {
		if (length > archive.length - offset) throw corrupt(where, 'it ends too early');
		offset += length;
		return archive.subarray(offset - length, offset);
	};
	while (offset < archive.length) {
		const pathLength = take(PATH_LENGTH_BYTES).readUInt16BE();
		if (pathLength > PATH_BYTES_MAX) throw corrupt(where, 'it has a path that is too long');
		const path = take(pathLength).toString('utf8');
		if (files.has(path)) throw corrupt(where, 'it has a file twice');
		if (files.size === FILES_MAX) throw corrupt(where, `it has more than ${FILES_MAX} files`);
		files.set(path, take(take(SIZE_BYTES).readUInt32BE()));
	}
	return files;
}

function corrupt(where: string, reason: string): ReplicatorError {
	return new ReplicatorError(`The archive of the snapshot ${where} is damaged: ${reason}.`, {
		code: 'snapshot-corrupt',
		hint: 'Nothing was changed; the snapshot comes from the repository instead.',
	});
}
