import { join } from 'node:path';
import { execa } from 'execa';
import type { DatabaseKind } from '../../src/model/row.ts';
import type { ResticRepositoryOptions } from '../../src/repository/restic-repository.ts';
import { fixturePath } from './fixtures.ts';
import { type TestRepository, testRepository } from './restic.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { weakenRepository } from './weak-repository.ts';

export const LEGACY_PASSWORD = 'legacy';

/** A restic repository as an original leader on that kind of database has left it, but for the cost of its key. */
export interface LegacyRepository {
	readonly location: string;
	/** Opens it as one more instance does, with a cache of its own. */
	open(options?: Partial<Omit<ResticRepositoryOptions, 'environment'>>): Promise<TestRepository>;
}

export async function legacyRepository(kind: DatabaseKind): Promise<LegacyRepository> {
	const name = kind === 'sqlite' ? 'restic-repo' : 'restic-repo-mariadb';
	const directory = await temporaryDirectory('legacy');
	await execa('tar', ['-xzf', fixturePath(`legacy/${name}.tar.gz`), '-C', directory, '--no-same-owner']);
	const location = join(directory, 'restic-repo');
	await weakenRepository(location, LEGACY_PASSWORD);
	return {
		location,
		open: (options) =>
			testRepository({ location, environment: { RESTIC_PASSWORD: LEGACY_PASSWORD }, ...options }),
	};
}

/** Adds a snapshot that is listed like one of the original, of either version. It holds nothing that could be followed. */
export async function publishAsOriginal(
	{ environment }: Pick<TestRepository, 'environment'>,
	options: { readonly version?: 1 | 2; readonly hostname?: string } = {},
): Promise<void> {
	const { version = 2, hostname = 'an-original' } = options;
	const path = version === 1 ? '/backup/current' : '/replicator_kuma/current';
	await execa('restic', ['backup', '--no-cache', '--host', hostname, '--stdin', '--stdin-filename', path], {
		env: { ...environment, PATH: process.env.PATH ?? '' },
		input: 'not an export',
		timeout: 60_000,
	});
}
