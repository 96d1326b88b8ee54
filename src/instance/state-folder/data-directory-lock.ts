import { readFile, rm, truncate } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { writeDurably } from '../../files/durable-file.ts';
import { fileError } from '../../files/file-error.ts';
import { ReplicatorError } from '../../model/replicator-error.ts';
import type { StatePaths } from './data-directory.ts';

// SQLite's primary result codes; extended ones carry them in the low byte.
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;
const PRIMARY_CODE_MASK = 0xff;
/** Whoever only looks whether the lock is held has a part of it for a moment: that is no holder. */
const LOOKS_MAX_MS = 500;
const RETRY_MS = 20;

export interface DataDirectoryLock {
	/** Idempotent. A process that dies without it releases the lock all the same. */
	release(): Promise<void>;
}

export type LockPaths = Pick<StatePaths, 'lockFile' | 'lockHolderFile'>;

/**
 * Makes this process the only replicator-kuma on a data directory, without waiting for another one to end.
 *
 * Node has no file lock, but SQLite has: an open EXCLUSIVE transaction on an empty database is a lock that the
 * operating system takes back when the process dies, however it dies. So nothing must ever open the lock file by
 * other means in this process while it holds the lock: closing any descriptor of it would give the lock away (POSIX).
 * @throws ReplicatorError `data-directory-in-use` naming the holder, `file-access` or `disk-full`.
 */
export async function lockDataDirectory(paths: LockPaths): Promise<DataDirectoryLock> {
	const database = await openLocked(paths);
	// The name makes messages better; a lock without one is a lock all the same.
	await writeDurably(paths.lockHolderFile, `${process.pid}\n`).catch(() => undefined);
	return {
		async release() {
			if (!database.isOpen) return;
			// First the name, then the lock: the other way round the name could be the next holder's.
			// One that stays is overwritten by the next holder; the lock itself says whether it is held.
			await rm(paths.lockHolderFile, { force: true }).catch(() => undefined);
			if (database.isOpen) database.close();
		},
	};
}

/** @returns whether a living process holds the lock, and which one where that is known; nothing is changed. */
export async function isHeld(
	paths: LockPaths,
): Promise<{ readonly isHeld: false } | { readonly isHeld: true; readonly pid: number | null }> {
	try {
		const database = new DatabaseSync(paths.lockFile, { timeout: 0, readOnly: true });
		try {
			database.exec('SELECT count(*) FROM sqlite_schema');
		} finally {
			database.close();
		}
		return { isHeld: false };
	} catch (error) {
		if (primaryCodeOf(error) !== SQLITE_BUSY) return { isHeld: false };
		return { isHeld: true, pid: await readHolder(paths) };
	}
}

async function openLocked(paths: LockPaths): Promise<DatabaseSync> {
	try {
		return await lockSoon(paths.lockFile);
	} catch (error) {
		if (!isDamage(error)) throw await lockError(paths, error);
	}
	try {
		// Nothing is kept in the file, so whatever a power cut has left in it may go. It is emptied in its place: were it
		// replaced, two processes that do so at once would lock two files.
		await truncate(paths.lockFile);
		return await lockSoon(paths.lockFile);
	} catch (error) {
		throw await lockError(paths, error);
	}
}

async function lockSoon(path: string): Promise<DatabaseSync> {
	const deadline = performance.now() + LOOKS_MAX_MS;
	while (true) {
		try {
			return tryLock(path);
		} catch (error) {
			if (primaryCodeOf(error) !== SQLITE_BUSY || performance.now() >= deadline) throw error;
			await delay(RETRY_MS);
		}
	}
}

function tryLock(path: string): DatabaseSync {
	const database = new DatabaseSync(path, { timeout: 0 });
	try {
		// Without a journal file nothing is left behind that the next holder would have to roll back.
		database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE');
		try {
			database.exec('BEGIN EXCLUSIVE');
		} catch (error) {
			// A file that may only be read is refused before anybody looks whether it is locked.
			if (primaryCodeOf(error) === SQLITE_READONLY) database.exec('SELECT count(*) FROM sqlite_schema');
			throw error;
		}
		return database;
	} catch (error) {
		database.close();
		throw error;
	}
}

function primaryCodeOf(error: unknown): number {
	return ((error as { errcode?: number }).errcode ?? 0) & PRIMARY_CODE_MASK;
}

function isDamage(error: unknown): boolean {
	return [SQLITE_NOTADB, SQLITE_CORRUPT].includes(primaryCodeOf(error));
}

async function lockError(paths: LockPaths, cause: unknown): Promise<unknown> {
	const primaryCode = primaryCodeOf(cause);
	if (primaryCode === SQLITE_BUSY) {
		const holder = await readHolder(paths);
		const who = holder === null ? 'Another replicator-kuma' : `Another replicator-kuma (process ${holder})`;
		return new ReplicatorError(`${who} uses this data directory; its lock is ${paths.lockFile}`, {
			code: 'data-directory-in-use',
			hint: 'Let the running one do it, stop it first, or point DATA_DIR to another data directory.',
			cause,
		});
	}
	if (primaryCode === SQLITE_FULL) {
		return fileError({
			path: paths.lockFile,
			verb: 'lock',
			cause: Object.assign(new Error(), { code: 'ENOSPC' }),
		});
	}
	// Whatever else SQLite says of a database that holds nothing, it says of the file.
	if (primaryCode !== 0) {
		return new ReplicatorError(`Could not open the lock ${paths.lockFile} (${(cause as Error).message})`, {
			code: 'file-access',
			hint: 'Check that the data directory exists and may be written by this user, and that the lock is a file; it may be removed while no replicator-kuma runs.',
			cause,
		});
	}
	return fileError({ path: paths.lockFile, verb: 'lock', cause });
}

/** @returns the holder's process id, or null where it cannot be known. */
async function readHolder(paths: LockPaths): Promise<number | null> {
	try {
		const pid = Number.parseInt(await readFile(paths.lockHolderFile, 'utf8'), 10);
		return Number.isNaN(pid) ? null : pid;
	} catch {
		// The name only makes the message better; the lock itself has spoken.
		return null;
	}
}
