import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { prepareReplicator, type Replicator, type ReplicatorOptions } from './replicator.ts';

/**
 * Makes a repository before each test of a file, and ends all that a test has prepared behind it.
 * @returns what makes a replicator around that repository: a replica on SQLite, unless it is told otherwise.
 */
export function useReplicators(): (options?: Partial<ReplicatorOptions>) => Promise<Replicator> {
	let repository = '';
	const prepared: Replicator[] = [];
	beforeEach(async () => {
		repository = await mkdtemp(join(tmpdir(), 'replicator-kuma-repository-'));
	});
	afterEach(async () => {
		await Promise.all(prepared.splice(0).map((replicator) => replicator.discard()));
		await rm(repository, { recursive: true, force: true });
	});
	return async (options = {}) => {
		const replicator = await prepareReplicator({
			mode: 'RESTORE',
			database: 'sqlite',
			repository,
			...options,
		});
		prepared.push(replicator);
		return replicator;
	};
}
