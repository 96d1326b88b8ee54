import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isLeftoverOfWrite } from './durable-file.ts';
import { fileError } from './file-error.ts';

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
		await mkdir(paths.root, { recursive: true, mode: PRIVATE_DIRECTORY });
		await chmod(paths.root, PRIVATE_DIRECTORY);
	} catch (cause) {
		throw fileError({ path: paths.root, verb: 'create', cause });
	}
	return paths;
}

/**
 * Removes what a killed run left behind: entries that begin with {@link TEMPORARY_PREFIX} and half-written files.
 * Only for the holder of the lock: to anybody else they may be a living run's.
 * @returns the names that went.
 * @throws ReplicatorError `file-access`.
 */
export async function removeLeftovers(paths: StatePaths): Promise<string[]> {
	try {
		const names = await readdir(paths.root);
		const leftovers = names.filter((name) => name.startsWith(TEMPORARY_PREFIX) || isLeftoverOfWrite(name));
		for (const name of leftovers) await rm(join(paths.root, name), { recursive: true, force: true });
		return leftovers;
	} catch (cause) {
		throw fileError({ path: paths.root, verb: 'tidy up', cause });
	}
}
