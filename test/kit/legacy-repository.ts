import { join } from 'node:path';
import { execa } from 'execa';
import type { DatabaseKind } from '../../src/model/row.ts';
import type { ResticRepositoryOptions } from '../../src/repository/restic-repository.ts';
import { fixturePath } from './fixtures.ts';
import { type TestRepository, testRepository } from './restic.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const LEGACY_PASSWORD = 'legacy';

/** A restic repository as an original leader on that kind of database has left it, unpacked from the fixtures. */
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
	return {
		location,
		open: (options) =>
			testRepository({ location, environment: { RESTIC_PASSWORD: LEGACY_PASSWORD }, ...options }),
	};
}
