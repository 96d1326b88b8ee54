import { open } from 'node:fs/promises';

/** Flushes to the disk what was made, renamed or removed in a folder; a file's own content is no part of that. */
export async function syncFolder(path: string): Promise<void> {
	const handle = await open(path, 'r');
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}
