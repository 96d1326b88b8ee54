import { readFile, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { ReplicatorError } from '../model/replicator-error.ts';
import type { StatePaths } from './data-directory.ts';
import { writeDurably } from './durable-file.ts';

// SQLite's primary result codes; extended ones carry them in the low byte.
const SQLITE_BUSY = 5;
const SQLITE_CANTOPEN = 14;
const SQLITE_READONLY = 8;
const PRIMARY_CODE_MASK = 0xff;

export interface DataDirectoryLock {
	/** Idempotent. A process that dies without it releases the lock all the same. */
	release(): Promise<void>;
}

type LockPaths = Pick<StatePaths, 'lockFile' | 'lockHolderFile'>;

/**
 * Makes this process the only replicator-kuma on a data directory, without waiting.
 *
 * Node has no file lock, but SQLite has: an open EXCLUSIVE transaction on an empty database is a lock that the
 * operating system takes back when the process dies, however it dies. So nothing must ever open the lock file by
 * other means in this process: closing any descriptor of it would give the lock away (POSIX).
 * @throws ReplicatorError `data-directory-in-use` naming the holder, or `file-access`.
 */
export async function lockDataDirectory(paths: LockPaths): Promise<DataDirectoryLock> {
	const database = await openLocked(paths);
	try {
		await writeDurably(paths.lockHolderFile, `${process.pid}\n`);
	} catch (cause) {
		database.close();
		throw cause;
	}
	return {
		async release() {
			if (!database.isOpen) return;
			// First the name, then the lock: the other way round the name could be the next holder's.
			try {
				await rm(paths.lockHolderFile, { force: true });
			} finally {
				if (database.isOpen) database.close();
			}
		},
	};
}

async function openLocked(paths: LockPaths): Promise<DatabaseSync> {
	let database: DatabaseSync | undefined;
	try {
		database = new DatabaseSync(paths.lockFile, { timeout: 0 });
		// Without a journal file nothing is left behind that the next holder would have to roll back.
		database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
		return database;
	} catch (cause) {
		if (database?.isOpen) database.close();
		throw await lockError(paths, cause);
	}
}

async function lockError(paths: LockPaths, cause: unknown): Promise<unknown> {
	const primaryCode = ((cause as { errcode?: number }).errcode ?? 0) & PRIMARY_CODE_MASK;
	if (primaryCode === SQLITE_BUSY) {
		const holder = await readHolder(paths);
		const who = holder === null ? 'Another replicator-kuma' : `Another replicator-kuma (process ${holder})`;
		return new ReplicatorError(`${who} uses this data directory; its lock is ${paths.lockFile}`, {
			code: 'data-directory-in-use',
			hint: 'Let the running one do it, stop it first, or point DATA_DIR to another data directory.',
			cause,
		});
	}
	if (primaryCode === SQLITE_CANTOPEN || primaryCode === SQLITE_READONLY) {
		return new ReplicatorError(`Could not open the lock ${paths.lockFile}`, {
			code: 'file-access',
			hint: 'Check that the data directory exists and may be written by this user.',
			cause,
		});
	}
	return cause;
}

/** @returns the holder's process id, or null while the holder has not yet written it. */
async function readHolder(paths: LockPaths): Promise<number | null> {
	try {
		const pid = Number.parseInt(await readFile(paths.lockHolderFile, 'utf8'), 10);
		return Number.isNaN(pid) ? null : pid;
	} catch (cause) {
		// The name only makes the message better; the lock itself has spoken.
		if (cause instanceof Error && 'code' in cause) return null;
		throw cause;
	}
}
