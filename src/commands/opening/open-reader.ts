import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { openInstance } from '../../instance/open-instance.ts';
import { type Installation, locateKuma, readInstallation } from '../../kuma/installation.ts';
import type { Instance } from '../../model/instance.ts';
import type { Context } from './open-context.ts';

/**
 * Opens an instance for a command that only reads: without the lock, so that it works while replicator-kuma runs, and
 * without leaving anything in a data directory that is not part of a fleet.
 */
export async function openReader(context: Context): Promise<Instance> {
	if (!existsSync(context.paths.stateFile)) return openGuest(context);
	const { config, log, paths } = context;
	return openInstance({ config, paths, log, kuma: await readKuma() });
}

/** The same for who needs to know nothing of what this instance remembers, which may be damaged. */
export async function openGuest({ config, log, paths }: Context): Promise<Instance> {
	return openInstance({ config, paths, log, kuma: await readKuma(), guestId: randomUUID() });
}

function readKuma(): Promise<Installation> {
	return readInstallation(locateKuma({ command: [], cwd: process.cwd() }));
}
