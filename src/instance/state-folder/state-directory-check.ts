import { access, constants, lstat, rm, rmdir, statfs } from 'node:fs/promises';
import { fileError } from '../../files/file-error.ts';
import { asFailure } from '../../log/as-failure.ts';
import { ReplicatorError } from '../../model/replicator-error.ts';
import type { StatePaths } from './data-directory.ts';

type Kind = 'file' | 'folder' | 'socket';

interface Entry {
	readonly path: string;
	readonly kind: Kind;
}

/** What is wrong with one entry of `replicator-kuma/`. */
export interface FileTrouble {
	readonly path: string;
	readonly error: ReplicatorError;
}

/** Less than this is full: a state and a snapshot need more. */
const FREE_BYTES_MIN = 64 * 1024;

/** Without these replication is down. So it is without the state, which says best itself what is wrong with it. */
function ownEntries(paths: StatePaths): readonly Entry[] {
	return [
		{ path: paths.root, kind: 'folder' },
		{ path: paths.lockFile, kind: 'file' },
	];
}

function otherEntries(paths: StatePaths): readonly Entry[] {
	return [
		{ path: paths.lockHolderFile, kind: 'file' },
		{ path: paths.kumaRecord, kind: 'file' },
		{ path: paths.controlSocket, kind: 'socket' },
		{ path: paths.agentSocket, kind: 'socket' },
		{ path: paths.appliedDirectory, kind: 'folder' },
		{ path: paths.publishDirectory, kind: 'folder' },
		{ path: paths.cacheDirectory, kind: 'folder' },
		{ path: paths.exportsDirectory, kind: 'folder' },
	];
}

/**
 * Looks at every entry of `replicator-kuma/` without changing anything: whether it is what it should be, and may be read
 * and written. What is missing is made when it is needed.
 */
export async function examineStateDirectory(paths: StatePaths): Promise<FileTrouble[]> {
	const own = await examineOwn(paths);
	// Whatever is wrong with the folder is wrong with everything in it.
	if (own.some(({ path }) => path === paths.root)) return own;
	return [...own, ...(await findFullDisk(paths)), ...((await examineBesideState(paths)) ?? [])];
}

/**
 * The same for what replication can do without, more or less.
 * @returns null where the folder itself cannot be used: then replication says so, and nobody knows what is in it.
 */
export async function examineBesideState(paths: StatePaths): Promise<FileTrouble[] | null> {
	const troubles = await findTroubles(otherEntries(paths));
	if (troubles.length === 0) return troubles;
	return (await examineOwn(paths)).some(({ path }) => path === paths.root) ? null : troubles;
}

/** The same for the folder itself and its lock. */
export function examineOwn(paths: StatePaths): Promise<FileTrouble[]> {
	return findTroubles(ownEntries(paths));
}

/**
 * Clears away what stands in the way and holds nothing: an empty folder where a file or a socket should be, an empty file
 * where a folder should be, and a file where a socket should be, as a backup of the folder leaves it. Everything else is
 * left to a person. For the holder of the lock.
 */
export async function clearStateDirectory(paths: StatePaths): Promise<void> {
	for (const { path, kind } of otherEntries(paths)) {
		try {
			const found = await lstat(path);
			if (kind !== 'folder' && found.isDirectory()) await rmdir(path);
			const isWorthless = kind === 'socket' || (kind === 'folder' && found.size === 0);
			if (isWorthless && found.isFile()) await rm(path);
		} catch {
			// Nothing is there, or what is there stays and is found by the examination.
		}
	}
}

async function findTroubles(entries: readonly Entry[]): Promise<FileTrouble[]> {
	const errors = await Promise.all(entries.map(findTrouble));
	return entries.flatMap(({ path }, index) => {
		const error = errors[index] ?? null;
		return error === null ? [] : [{ path, error }];
	});
}

async function findTrouble({ path, kind }: Entry): Promise<ReplicatorError | null> {
	try {
		const found = await lstat(path);
		const isKind = { file: found.isFile(), folder: found.isDirectory(), socket: found.isSocket() }[kind];
		if (!isKind && !found.isSymbolicLink()) return otherKind(path, kind);
		const { R_OK, W_OK, X_OK } = constants;
		await access(path, kind === 'folder' ? R_OK | W_OK | X_OK : R_OK | W_OK);
		return null;
	} catch (cause) {
		if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
		return asFailure(fileError({ path, verb: 'use', cause }));
	}
}

function otherKind(path: string, kind: Kind): ReplicatorError {
	const wanted = { file: 'a file', folder: 'a folder', socket: 'a socket' }[kind];
	return new ReplicatorError(`${path} should be ${wanted}, and something else is there`, {
		code: 'file-access',
		hint: `Look at what it is, and move it away; replicator-kuma makes ${wanted} there again.`,
	});
}

async function findFullDisk({ root }: StatePaths): Promise<FileTrouble[]> {
	try {
		const { bavail, bsize, blocks } = await statfs(root);
		// Some file systems do not count.
		if (blocks === 0 || bavail * bsize >= FREE_BYTES_MIN) return [];
		const cause = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
		return [{ path: root, error: asFailure(fileError({ path: root, verb: 'write below', cause })) }];
	} catch {
		// That this cannot be known says nothing about the files.
		return [];
	}
}
