import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** @returns a new private directory that is removed when the running test ends. */
export async function temporaryDirectory(label = 'test'): Promise<string> {
	const directory = await mkdtemp(join(tmpdir(), `replicator-kuma-${label}-`));
	onTestFinished(() => rm(directory, { recursive: true, force: true }));
	return directory;
}
