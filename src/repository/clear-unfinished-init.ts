import type { Stats } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ReplicatorError } from '../model/replicator-error.ts';

/** How long a `restic init` may be under way at the very most; it takes a second or two. */
const INIT_MS_MAX = 60_000;

/**
 * Makes a local folder without a file `config` fit for `restic init`, which writes a key first and `config` last.
 * Keys alone are what an init that was killed left behind: restic 0.14 would add a second master key and trip over
 * the first one ever after, and newer versions refuse. Nothing was ever encrypted with them, so they go.
 * @throws ReplicatorError `restic-failed` when the folder holds what only a lost `config` can open; `repository-locked`
 * (retryable) when somebody else may be creating it right now.
 */
export async function clearUnfinishedInit(path: string): Promise<void> {
	for (const content of ['snapshots', 'index', 'data']) {
		if ((await filesBelow(join(path, content))).length > 0) throw configLost(path);
	}
	const keys = await filesBelow(join(path, 'keys'));
	const stats = await Promise.all(keys.map((key) => statOrNull(key)));
	const now = Date.now();
	if (stats.some((found) => found !== null && now - found.mtimeMs < INIT_MS_MAX)) throw underWay(path);
	for (const key of keys) await rm(key, { force: true });
}

async function filesBelow(path: string): Promise<string[]> {
	try {
		const entries = await readdir(path, { withFileTypes: true, recursive: true });
		return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === 'ENOENT' || code === 'ENOTDIR') return [];
		throw error;
	}
}

async function statOrNull(path: string): Promise<Stats | null> {
	try {
		return await stat(path);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
		throw error;
	}
}

function configLost(path: string): ReplicatorError {
	return new ReplicatorError(`The repository ${path} has content, but its file "config" is gone.`, {
		code: 'restic-failed',
		hint: 'Bring the file back from a copy of the repository, or move the folder away to start a new one.',
	});
}

function underWay(path: string): ReplicatorError {
	return new ReplicatorError(
		`Somebody else is creating the repository ${path}, or was stopped while at it.`,
		{
			code: 'repository-locked',
			hint: 'Nothing to do: it is tried again, and what was left behind is cleared away after a minute.',
			isRetryable: true,
		},
	);
}
