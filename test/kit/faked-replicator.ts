import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { unpackSqlite } from './fixtures.ts';
import { prepareReplicator, type Replicator, type ReplicatorOptions } from './replicator.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** How the program in Kuma's place is started. */
export const FAKED_COMMAND = [process.execPath, join(import.meta.dirname, '..', 'programs', 'kuma-fake.mjs')];

/**
 * `replicator-kuma run` as it is shipped, on the database of a real Kuma in whose place a program runs that leaves the
 * database alone. It has not been started, and ends with the running test.
 * @param options.fixture the database, or null for a Kuma that has none yet.
 */
export async function fakedReplicator(
	options: Pick<ReplicatorOptions, 'mode' | 'repository' | 'environment' | 'program' | 'command'> & {
		readonly fixture: string | null;
	},
): Promise<Replicator> {
	const { fixture, ...others } = options;
	const replicator = await prepareReplicator({
		command: FAKED_COMMAND,
		...others,
		// Nobody has to choose one: it is there, with its db-config.json, or never will be.
		database: 'wizard',
		installation: { directory: await temporaryDirectory('kuma'), node: process.execPath, version: '2.3.2' },
	});
	onTestFinished(() => replicator.discard());
	if (fixture !== null) await unpackSqlite(fixture, replicator.dataDirectory);
	return replicator;
}
