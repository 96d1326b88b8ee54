import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileError } from './file-error.ts';
import { syncFolder } from './sync-folder.ts';

const PRIVATE_FILE = 0o600;

/**
 * Replaces a file so that a crash or a power cut at any moment leaves the old or the new content, never a mixture:
 * temporary file beside it, fsync, rename, fsync of the folder. The file has exactly `mode` afterwards.
 * @throws ReplicatorError `disk-full` or `file-access`; the old content is still there then.
 */
export async function writeDurably(
	path: string,
	content: string | Uint8Array,
	mode: number = PRIVATE_FILE,
): Promise<void> {
	const temporaryPath = join(dirname(path), temporaryFileName(basename(path)));
	try {
		await writeAndSync({ path: temporaryPath, content, mode });
		await rename(temporaryPath, path);
		await syncFolder(dirname(path));
	} catch (cause) {
		// What cannot be removed either goes with the leftovers of the next start; the first failure is the one to report.
		await rm(temporaryPath, { force: true }).catch(() => undefined);
		throw fileError({ path, verb: 'write', cause });
	}
}

/** @returns whether a file of that name is what a killed {@link writeDurably} left behind. */
export function isLeftoverOfWrite(name: string): boolean {
	return /^\..+\.[0-9a-f]{12}\.tmp$/.test(name);
}

function temporaryFileName(name: string): string {
	return `.${name}.${randomBytes(6).toString('hex')}.tmp`;
}

async function writeAndSync(file: {
	path: string;
	content: string | Uint8Array;
	mode: number;
}): Promise<void> {
	const handle = await open(file.path, 'wx', PRIVATE_FILE);
	try {
		await handle.writeFile(file.content);
		// The mode given to open() is cut by the umask.
		await handle.chmod(file.mode);
		await handle.sync();
	} finally {
		await handle.close();
	}
}
