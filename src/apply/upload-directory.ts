import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isLeftoverOfWrite, writeDurably } from '../files/durable-file.ts';
import { fileError } from '../files/file-error.ts';
import { syncFolder } from '../files/sync-folder.ts';
import type { UnreadableFile, Uploads } from '../model/instance.ts';
import { ReplicatorError } from '../model/replicator-error.ts';

/** Larger than any image that Kuma itself takes for a status page. */
const FILE_BYTES_MAX = 32 * 1024 * 1024;
/** What a killed write of 0.1.0 has left behind. */
const OLDER_LEFTOVER = /.\.[0-9a-f]{8}\.tmp$/;
/** Kuma shows them to everybody. */
const PUBLIC_FILE = 0o644;
/** A link is not followed, and a pipe that nobody writes into is not waited for. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The uploaded files of a data directory. Their paths come from status pages, and with a snapshot from another machine:
 * only ordinary files in ordinary folders are read and written, never what a link points to.
 */
export function openUploads(dataDirectory: string): Uploads {
	/** Folders without leftovers of an earlier process. */
	const swept = new Set<string>();

	async function sweepOnce(folder: string): Promise<void> {
		if (swept.has(folder)) return;
		for (const entry of await readdir(folder, { withFileTypes: true }))
			if (entry.isFile() && isLeftover(entry.name)) await rm(join(folder, entry.name), { force: true });
		swept.add(folder);
	}

	/** @returns the folders from the data directory, without it, down to the file's own. */
	function foldersOf(path: string): string[] {
		const parts = path.split('/');
		const isPlain = parts.every((part) => part !== '' && part !== '.' && part !== '..');
		if (!path.startsWith('upload/') || !isPlain || path.includes('\0')) {
			throw new ReplicatorError(`The path ${JSON.stringify(path)} does not lie in the folder for uploads.`, {
				code: 'snapshot-corrupt',
			});
		}
		return parts.slice(0, -1).map((_part, index) => join(dataDirectory, ...parts.slice(0, index + 1)));
	}

	return {
		async read(path) {
			const folders = foldersOf(path);
			try {
				const obstacle = await findObstacle(folders);
				return obstacle === null ? await readBounded(join(dataDirectory, path)) : obstacle;
			} catch (error) {
				const { code } = error as NodeJS.ErrnoException;
				if (code === 'ENOENT') return null;
				if (code === undefined) throw error;
				return { reason: `cannot be read (${code})` };
			}
		},
		async write(path, content) {
			const folders = foldersOf(path);
			const target = join(dataDirectory, path);
			try {
				await makeFolders(folders, path);
				await sweepOnce(dirname(target));
				await writeDurably(target, content, PUBLIC_FILE);
			} catch (cause) {
				throw fileError({ path: target, verb: 'write', cause });
			}
		},
		async remove(path) {
			const folders = foldersOf(path);
			try {
				if ((await findObstacle(folders)) === null) await rm(join(dataDirectory, path), { force: true });
			} catch (error) {
				if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
				throw fileError({ path: join(dataDirectory, path), verb: 'remove', cause: error });
			}
		},
	};
}

function isLeftover(name: string): boolean {
	return isLeftoverOfWrite(name) || OLDER_LEFTOVER.test(name);
}

/** @returns what is wrong with the folders that a file should be in, or null. */
async function findObstacle(folders: readonly string[]): Promise<UnreadableFile | null> {
	for (const folder of folders) {
		const found = await lstat(folder);
		if (!found.isDirectory()) return { reason: `is not in a folder: ${folder} ${kindOf(found)}` };
	}
	return null;
}

async function readBounded(path: string): Promise<Uint8Array | UnreadableFile> {
	// To open a device may already do something, so it is looked at first.
	const seen = await lstat(path);
	if (!seen.isFile()) return { reason: kindOf(seen) };
	const file = await open(path, READ_FLAGS);
	try {
		const found = await file.stat();
		if (!found.isFile()) return { reason: kindOf(found) };
		const tooLarge = { reason: `is larger than ${FILE_BYTES_MAX / 1024 / 1024} MB` };
		if (found.size > FILE_BYTES_MAX) return tooLarge;
		// It may grow meanwhile.
		const content = Buffer.alloc(found.size + 1);
		let length = 0;
		while (length < content.length) {
			const { bytesRead } = await file.read(content, length, content.length - length, length);
			if (bytesRead === 0) return new Uint8Array(content.subarray(0, length));
			length += bytesRead;
		}
		return { reason: 'grows while it is read' };
	} finally {
		await file.close();
	}
}

function kindOf(found: Stats): string {
	if (found.isSymbolicLink()) return 'is a link';
	if (found.isDirectory()) return 'is a folder';
	if (found.isFIFO()) return 'is a pipe';
	if (found.isSocket()) return 'is a socket';
	return found.isFile() ? 'is a file' : 'is a device';
}

/** One after the other: to make them all at once would follow a link on the way. */
async function makeFolders(folders: readonly string[], path: string): Promise<void> {
	for (const folder of folders) {
		const found = await lstat(folder).catch((error: unknown) => {
			if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
			throw error;
		});
		if (found === null) {
			await mkdir(folder);
			await syncFolder(dirname(folder));
		} else if (!found.isDirectory()) {
			throw new ReplicatorError(`The file ${path} cannot be written: ${folder} ${kindOf(found)}.`, {
				code: 'file-access',
				hint: `Move ${folder} away, or put a folder in its place.`,
			});
		}
	}
}
