import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import type { Publication, Repository } from '../../src/model/lineage.ts';
import type { ResticCallReport } from '../../src/repository/restic/restic-process.ts';
import {
	openResticRepository,
	type ResticRepositoryOptions,
} from '../../src/repository/restic-repository.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { SILENT_LOG } from './test-instance.ts';
import { makeWeakRepository, TEST_PASSWORD } from './weak-repository.ts';

export interface TestRepository {
	readonly repository: Repository;
	readonly environment: Readonly<Record<string, string>>;
	/** Every call of restic so far. */
	readonly calls: readonly ResticCallReport[];
	/** Runs the real restic on the same repository, as a person would. @returns its standard output. */
	restic(...arguments_: readonly string[]): Promise<string>;
}

type TestRepositoryOptions = {
	readonly location: string;
	readonly environment?: Readonly<Record<string, string>>;
} & Partial<Omit<ResticRepositoryOptions, 'environment'>>;

/** Makes a repository in a local folder, with a key that costs nothing, and opens it. */
export async function createdRepository(options: TestRepositoryOptions): Promise<TestRepository> {
	await makeWeakRepository(options.location);
	return testRepository(options);
}

/** Opens a repository with a cache of its own. It is not created. */
export async function testRepository(options: TestRepositoryOptions): Promise<TestRepository> {
	const { location, environment: more, ...others } = options;
	const cacheDirectory = options.cacheDirectory ?? (await temporaryDirectory('restic-cache'));
	const environment = { RESTIC_REPOSITORY: location, RESTIC_PASSWORD: TEST_PASSWORD, ...more };
	const calls: ResticCallReport[] = [];
	const repository = openResticRepository({
		environment,
		cacheDirectory,
		fleet: 'default',
		log: SILENT_LOG,
		onCall: (report) => calls.push(report),
		...others,
	});
	return {
		repository,
		environment,
		calls,
		restic: async (...arguments_) => {
			const env = { ...environment, PATH: process.env.PATH ?? '', RESTIC_CACHE_DIR: cacheDirectory };
			const { stdout } = await execa('restic', arguments_, { env, stdin: 'ignore', timeout: 60_000 });
			return stdout;
		},
	};
}

/** Writes a tree of files, text or bytes by path, into a new directory. */
export async function testTree(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
	const directory = await temporaryDirectory('tree');
	for (const [path, content] of Object.entries(files)) {
		await mkdir(dirname(join(directory, path)), { recursive: true });
		await writeFile(join(directory, path), content);
	}
	return directory;
}

/** A publication of a tree: the first of a lineage, unless told otherwise. */
export function testPublication(parts: Pick<Publication, 'directory'> & Partial<Publication>): Publication {
	return {
		hostname: 'leader.example',
		generation: 1,
		digest: 'd1'.repeat(32),
		parentId: null,
		instanceId: 'instance-1',
		allowsDeletes: false,
		...parts,
	};
}
