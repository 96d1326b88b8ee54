import { chmod, lstat, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isLeftoverOfWrite } from '../../files/durable-file.ts';
import { fileError } from '../../files/file-error.ts';

const PRIVATE_DIRECTORY = 0o700;

/** Everything whose name begins so, right below the root, belongs to one run and may go when no run is alive. */
export const TEMPORARY_PREFIX = 'tmp-';

/** Where an instance keeps what it remembers, inside Kuma's data directory, so that one volume holds everything. */
export interface StatePaths {
	/** `replicator-kuma/` below the data directory, 0700. */
	readonly root: string;
	readonly stateFile: string;
	readonly lockFile: string;
	/** Process id of who holds the lock, for messages. */
	readonly lockHolderFile: string;
	/** The snapshot applied or published last. */
	readonly appliedDirectory: string;
	/** The tree that a leader publishes from; the same path every time. */
	readonly publishDirectory: string;
	/** restic's cache. */
	readonly cacheDirectory: string;
	readonly controlSocket: string;
	/** Where the agent inside Kuma listens. */
	readonly agentSocket: string;
	/** Which Kuma was started: its process id and start time. */
	readonly kumaRecord: string;
	/** Exports kept for a person. */
	readonly exportsDirectory: string;
}

/** @returns the paths below a data directory; touches nothing. */
export function statePaths(dataDirectory: string): StatePaths {
	const root = join(dataDirectory, 'replicator-kuma');
	return {
		root,
		stateFile: join(root, 'state.json'),
		lockFile: join(root, 'lock.db'),
		lockHolderFile: join(root, 'lock.pid'),
		appliedDirectory: join(root, 'applied'),
		publishDirectory: join(root, 'publish'),
		cacheDirectory: join(root, 'cache'),
		controlSocket: join(root, 'control.sock'),
		agentSocket: join(root, 'agent.sock'),
		kumaRecord: join(root, 'kuma.json'),
		exportsDirectory: join(root, 'exports'),
	};
}

/**
 * Creates our private folder inside Kuma's data directory, and the data directory itself where Kuma has not been
 * started yet. A folder that others could read is made private again. Safe while another process uses it.
 * @throws ReplicatorError `file-access` or `disk-full`.
 */
export async function prepareStateDirectory(dataDirectory: string): Promise<StatePaths> {
	const paths = statePaths(dataDirectory);
	try {
		// The data directory is Kuma's and keeps the usual mode; only our own folder is private.
		await mkdir(dataDirectory, { recursive: true });
		await makeFolder(paths.root);
		await chmod(paths.root, PRIVATE_DIRECTORY);
	} catch (cause) {
		throw fileError({ path: paths.root, verb: 'create', cause });
	}
	return paths;
}

/** With `recursive`, Node says ENOENT of a read-only file system. */
async function makeFolder(path: string): Promise<void> {
	try {
		await mkdir(path, { mode: PRIVATE_DIRECTORY });
	} catch (error) {
		const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST' && (await stat(path)).isDirectory();
		if (!isThere) throw error;
	}
}

/**
 * @returns whether an instance has run on this data directory before. What cannot be looked at counts as if one had: it
 * must not keep Kuma from running.
 */
export async function hasRunBefore({ root, cacheDirectory }: StatePaths): Promise<boolean> {
	try {
		// A command that only reads the repository leaves restic's cache and nothing else.
		return (await readdir(root)).some((name) => name !== basename(cacheDirectory));
	} catch (error) {
		return (error as NodeJS.ErrnoException).code !== 'ENOENT';
	}
}

/**
 * Removes what a killed run left behind: entries that begin with {@link TEMPORARY_PREFIX} and half-written files.
 * Only for the holder of the lock: to anybody else they may be a living run's. One that cannot be removed does not keep
 * the others.
 * @param before what has changed since then stays, in milliseconds since 1970: this run may be writing it.
 * @returns the names that went, and why others could not.
 * @throws ReplicatorError `file-access` where the folder cannot be read.
 */
export async function removeLeftovers(
	paths: StatePaths,
	before = Number.POSITIVE_INFINITY,
): Promise<{ readonly removed: readonly string[]; readonly failures: readonly unknown[] }> {
	const removed: string[] = [];
	const failures: unknown[] = [];
	for (const name of await listLeftovers(paths.root)) {
		const path = join(paths.root, name);
		try {
			if ((await lstat(path)).ctimeMs >= before) continue;
			await rm(path, { recursive: true, force: true });
			removed.push(name);
		} catch (cause) {
			failures.push(fileError({ path, verb: 'remove', cause }));
		}
	}
	return { removed, failures };
}

async function listLeftovers(root: string): Promise<string[]> {
	try {
		const names = await readdir(root);
		return names.filter((name) => name.startsWith(TEMPORARY_PREFIX) || isLeftoverOfWrite(name));
	} catch (cause) {
		throw fileError({ path: root, verb: 'tidy up', cause });
	}
}
