import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileError } from '../../files/file-error.ts';
import { ReplicatorError } from '../../model/replicator-error.ts';
import type { StatePaths } from './data-directory.ts';

const PRIVATE_DIRECTORY = 0o700;
const FOREIGN_BITS = 0o077;

/** What a run needs a place for even where nothing can be written below the data directory. */
export type StandInPaths = Pick<
	StatePaths,
	'root' | 'lockFile' | 'lockHolderFile' | 'controlSocket' | 'agentSocket' | 'kumaRecord'
>;

/**
 * @returns the paths of a folder below the system's folder for temporary files that stands in for `replicator-kuma/`
 * where that cannot be used: named after the data directory, so that every command finds it. Touches nothing but the
 * data directory's own entry.
 */
export async function standInPaths(dataDirectory: string): Promise<StandInPaths> {
	const name = createHash('sha256')
		.update(await identityOf(dataDirectory))
		.digest('hex')
		.slice(0, 16);
	const root = join(tmpdir(), `replicator-kuma-${ownUserId()}-${name}`);
	return {
		root,
		lockFile: join(root, 'lock.db'),
		lockHolderFile: join(root, 'lock.pid'),
		controlSocket: join(root, 'control.sock'),
		agentSocket: join(root, 'agent.sock'),
		kumaRecord: join(root, 'kuma.json'),
	};
}

/**
 * The folder itself rather than its path: two containers may share a temporary folder, and both call theirs /app/data.
 */
async function identityOf(dataDirectory: string): Promise<string> {
	try {
		const { dev, ino } = await stat(dataDirectory, { bigint: true });
		return `${dev}:${ino}`;
	} catch {
		// Where there is no folder, or none that can be looked at, its path has to do.
		return dataDirectory;
	}
}

/**
 * Makes the folder where it is missing.
 * @throws ReplicatorError `file-access` or `disk-full`, also where it is somebody else's: what lies in it could not be
 * trusted.
 */
export async function prepareStandIn({ root }: StandInPaths): Promise<void> {
	try {
		await mkdir(root, { mode: PRIVATE_DIRECTORY });
		// The mode given to mkdir() is cut by the umask.
		await chmod(root, PRIVATE_DIRECTORY);
	} catch (cause) {
		if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
			throw fileError({ path: root, verb: 'create', cause });
		}
	}
	if (await isOurs(root)) return;
	throw new ReplicatorError(`${root} belongs to somebody else, or others can write to it`, {
		code: 'file-access',
		hint: 'Remove it, or set TMPDIR to a folder that only this user can write to.',
	});
}

/** @returns whether the folder is there, and only this user could have put anything into it. */
export async function isStandInThere({ root }: StandInPaths): Promise<boolean> {
	return isOurs(root);
}

async function isOurs(root: string): Promise<boolean> {
	try {
		const found = await lstat(root);
		return found.isDirectory() && found.uid === ownUserId() && (found.mode & FOREIGN_BITS) === 0;
	} catch {
		return false;
	}
}

/** By number: in a container the user may have no name. */
function ownUserId(): number {
	return process.geteuid?.() ?? 0;
}
