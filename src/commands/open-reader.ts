import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { openInstance } from '../daemon/open-instance.ts';
import { locateKuma, readInstallation } from '../kuma/installation.ts';
import type { Instance } from '../model/instance.ts';
import type { Context } from './open-context.ts';

/**
 * Opens an instance for a command that only reads: without the lock, so that it works while replicator-kuma runs, and
 * without leaving anything in a data directory that is not part of a fleet.
 */
export async function openReader({ config, log, paths }: Context): Promise<Instance> {
	const kuma = await readInstallation(locateKuma({ command: [], cwd: process.cwd() }));
	const isMember = existsSync(paths.stateFile);
	return openInstance({ config, paths, log, kuma, ...(isMember ? {} : { guestId: randomUUID() }) });
}
