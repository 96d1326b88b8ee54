import { chmod, cp, mkdir, mkdtemp, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PublishedSnapshot, Repository } from '../../src/model/lineage.ts';
import { publishListed } from '../kit/publish-listed.ts';
import { recordLog } from '../kit/record-log.ts';
import { createdRepository, testPublication, testRepository, testTree } from '../kit/restic.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { troubledRestic } from '../kit/troubled-restic.ts';

type Damage = (path: string, size: number) => Promise<unknown>;

/** What a power cut, or somebody, may have made of a file. */
const DAMAGES: Readonly<Record<string, Damage>> = {
	'cut in half': (path, size) => truncate(path, Math.floor(size / 2)),
	'cut after a few bytes': (path) => truncate(path, 7),
	empty: (path) => truncate(path, 0),
	'of zeros': (path, size) => writeFile(path, Buffer.alloc(size)),
	'of other bytes': (path, size) => writeFile(path, Buffer.alloc(size, 'x')),
	'longer than they were': (path, size) => truncate(path, size + 4_096),
	folders: async (path) => {
		await rm(path);
		await mkdir(path);
	},
	'links to nowhere': async (path) => {
		await rm(path);
		await symlink(`${path}.gone`, path);
	},
};

/** And of the folders around them; `path` is the cache of that one repository. */
const BROKEN: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
	'version is empty': (path) => truncate(join(path, 'version'), 0),
	'version is of the future': (path) => writeFile(join(path, 'version'), '99'),
	'version is a folder': (path) => replaceByFolder(join(path, 'version')),
	'snapshots is a file': (path) => replaceByFile(join(path, 'snapshots')),
	'index is a file': (path) => replaceByFile(join(path, 'index')),
	'data is a file': (path) => replaceByFile(join(path, 'data')),
	"the repository's own folder is a file": (path) => replaceByFile(path),
	'the whole is a file': (path) => replaceByFile(join(path, '..')),
};

async function replaceByFile(path: string): Promise<void> {
	await rm(path, { recursive: true });
	await writeFile(path, 'x');
}

async function replaceByFolder(path: string): Promise<void> {
	await rm(path);
	await mkdir(path);
}

interface Published {
	readonly first: PublishedSnapshot;
	readonly second: PublishedSnapshot;
}

/** Made once: a folder with a repository that has two snapshots, and with the cache of somebody who has read them. */
let template: string;
let published: Published;
beforeAll(async () => {
	template = await mkdtemp(join(tmpdir(), 'replicator-kuma-cached-'));
	published = await fillTemplate();
});
afterAll(() => rm(template, { recursive: true, force: true }));

async function fillTemplate(): Promise<Published> {
	const trees = await Promise.all(
		['1', '2'].map(async (text) => {
			const directory = join(template, `tree-${text}`);
			await mkdir(join(directory, 'tables'), { recursive: true });
			for (const path of ['manifest.json', 'tables/a.csv']) await writeFile(join(directory, path), text);
			return directory;
		}),
	);
	const [cacheDirectory, fetched] = [join(template, 'cache'), join(template, 'fetched')];
	for (const directory of [cacheDirectory, fetched]) await mkdir(directory, { mode: 0o700 });
	const { repository } = await createdRepository({ location: join(template, 'repository'), cacheDirectory });
	const first = await publishListed(repository, testPublication({ directory: trees[0] ?? '' }));
	const second = await publishListed(
		repository,
		testPublication({
			directory: trees[1] ?? '',
			generation: 2,
			digest: 'd2'.repeat(32),
			parentId: first.id,
		}),
	);
	await repository.fetch({ id: second.id, directory: fetched });
	return { first, second };
}

/** A repository with two snapshots, and somebody whose cache holds all of it. */
async function cachedRepository() {
	const location = join(await temporaryDirectory('repository'), 'repository');
	const cacheDirectory = await temporaryDirectory('restic-cache');
	await cp(join(template, 'repository'), location, { recursive: true, preserveTimestamps: true });
	await cp(join(template, 'cache'), cacheDirectory, { recursive: true, preserveTimestamps: true });
	const log = recordLog();
	const { repository } = await testRepository({ location, cacheDirectory, log: log.log });
	const entries = await readdir(cacheDirectory);
	const own = join(cacheDirectory, entries.find((name) => /^[0-9a-f]{64}$/.test(name)) ?? '');
	return { location, cacheDirectory, own, repository, ...published, log };
}

async function filesBelow(directory: string): Promise<string[]> {
	const entries = await readdir(directory, { recursive: true, withFileTypes: true });
	return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** The file that says which version of a cache it is stays: without that, nothing of it would be used. */
async function damage(cache: string, how: Damage): Promise<void> {
	const cached = (await filesBelow(cache)).filter((path) => path !== join(cache, 'version'));
	expect(cached.length).toBeGreaterThanOrEqual(5);
	for (const path of cached) {
		const { size } = await stat(path);
		await chmod(path, 0o600);
		await how(path, size);
	}
}

/** Everything that is asked of a repository, in an order in which each finds what the one before has left. */
async function useAll({ repository, second }: { repository: Repository; second: { id: string } }) {
	const directory = await temporaryDirectory('fetched');
	await repository.fetch({ id: second.id, directory });
	const third = await repository.publish(
		testPublication({
			directory: await testTree({ 'manifest.json': '3' }),
			generation: 3,
			digest: 'd3'.repeat(32),
			parentId: second.id,
		}),
	);
	const listed = await repository.list();
	const id = await repository.id();
	const headId = listed.at(-1)?.id ?? '';
	const retained = await repository.retain({ retention: { last: 1, days: 0, months: 0 }, headId });
	const pruned = await repository.prune();
	return { third, files: (await filesBelow(directory)).length, listed: listed.length, id, retained, pruned };
}

const ALL = {
	third: expect.stringMatching(/^[0-9a-f]{8}/),
	files: 2,
	listed: 3,
	id: expect.stringMatching(/^[0-9a-f]{64}$/),
	retained: { outcome: 'retained', forgotten: expect.arrayContaining([expect.any(String)]) },
	pruned: { outcome: 'pruned' },
};

describe("restic's cache after a power cut", { timeout: 120_000 }, () => {
	test.each(Object.entries(DAMAGES))(
		'with files %s: everything works as with a good one',
		async (_what, how) => {
			const cached = await cachedRepository();
			await damage(cached.own, how);

			expect(await useAll(cached)).toEqual(ALL);
		},
	);

	test.each(
		Object.entries(DAMAGES).flatMap(([what, how]) =>
			(['list', 'publish'] as const).map((first) => [what, first, how] as const),
		),
	)('with files %s: %s works first', async (_what, first, how) => {
		const cached = await cachedRepository();
		const { repository, second } = cached;
		await damage(cached.own, how);

		if (first === 'list') {
			expect(await repository.list()).toHaveLength(2);
			return;
		}
		const directory = await testTree({ 'manifest.json': '3' });
		const place = { generation: 3, digest: 'd3'.repeat(32), parentId: second.id };
		expect(await repository.publish(testPublication({ directory, ...place }))).toMatch(/^[0-9a-f]{8}/);
	});

	test.each(Object.entries(BROKEN))(
		'%s: everything works, and there is a good one again',
		async (_what, how) => {
			const cached = await cachedRepository();
			await how(cached.own);

			expect(await useAll(cached)).toEqual(ALL);

			expect(await readdir(join(cached.own, 'snapshots'))).not.toEqual([]);
			const told = cached.log.warnings().length;
			await cached.repository.list();
			expect(cached.log.warnings()).toHaveLength(told);
		},
	);

	test('what is damaged in the repository itself is told as such, and not healed by throwing caches away', async () => {
		const { location, second } = await cachedRepository();
		for (const path of await filesBelow(join(location, 'snapshots'))) {
			await chmod(path, 0o600);
			await truncate(path, 40);
		}
		const { repository } = await testRepository({ location });

		await expect(repository.list()).rejects.toMatchObject({
			code: 'restic-failed',
			message: expect.stringContaining('damaged'),
		});
		await expect(
			repository.fetch({ id: second.id, directory: await temporaryDirectory('fetched') }),
		).rejects.toMatchObject({ code: 'restic-failed' });
	});

	test('a cache that somebody else has named is left alone, and not used any more', async () => {
		const { location, own, cacheDirectory } = await cachedRepository();
		await damage(own, DAMAGES['of zeros'] as Damage);
		await writeFile(join(own, 'version'), '99');
		const log = recordLog();
		const { repository } = await testRepository({
			location,
			environment: { RESTIC_CACHE_DIR: cacheDirectory },
			log: log.log,
		});

		expect(await repository.list()).toHaveLength(2);
		expect(await repository.list()).toHaveLength(2);

		expect((await stat(join(own, 'version'))).size).toBe(2);
		expect(log.warnings()).toEqual([expect.stringContaining('RESTIC_CACHE_DIR')]);
	});
});

describe('what is not the fault of the cache', { timeout: 60_000 }, () => {
	/** A new repository, used by a restic behind which something goes wrong. */
	async function troubled(trouble: string) {
		const location = join(await temporaryDirectory('repository'), 'repository');
		await createdRepository({ location });
		const cacheDirectory = await temporaryDirectory('restic-cache');
		const log = recordLog();
		const environment = { PATH: await troubledRestic(trouble) };
		const parts = await testRepository({ location, environment, cacheDirectory, log: log.log });
		return { ...parts, cacheDirectory, log };
	}

	test.each([
		['a failure that could be the fault of the cache', "echo 'Load(<index/0>): unexpected EOF' >&2; exit 1"],
		['a signal', 'kill -KILL $$'],
	])('a backup that kept a snapshot and ended by %s is not repeated', async (_what, trouble) => {
		const { repository, calls } = await troubled(`[ "$1" = backup ] || exit 0; ${trouble}`);
		const directory = await testTree({ 'manifest.json': '1' });

		const publishing = repository.publish(testPublication({ directory }));

		await expect(publishing).rejects.toMatchObject({ code: expect.stringMatching(/^re/) });
		expect(calls.filter(({ command }) => command === 'backup')).toHaveLength(1);
		expect(await repository.list()).toEqual([]);
	});

	test.each([
		'Fatal: unable to load index: Get "https://user:pass@backup.example/index/0": EOF',
		'Load(<index/0>) failed: Head "http://backup.example/index/0": unexpected EOF',
		'could not load snapshot 0: Get "https://backup.example/snapshots/0": EOF',
	])('a connection that breaks leaves a good cache alone: %s', async (said) => {
		const { repository, cacheDirectory, log } = await troubled(`echo '${said}' >&2; exit 1`);
		await expect(repository.id()).rejects.toThrow();
		const before = await filesBelow(cacheDirectory);

		await expect(repository.list()).rejects.toThrow();

		expect(log.warnings()).toEqual([]);
		expect(await filesBelow(cacheDirectory)).toEqual(before);
	});

	test.each([
		['cannot be opened', 'exit 0', 'unable to open cache: mkdir /cache: no space left on device'],
		['is in the way of every call', 'exit 1', 'Load(<index/0>): ciphertext verification failed'],
	])(
		'a cache that %s although it is made again is not used any more, and the reason is named once',
		async (_what, end, reason) => {
			const { repository, calls, log } = await troubled(`echo '${reason}' >&2; ${end}`);

			for (let poll = 0; poll < 4; poll += 1) expect(await repository.list()).toEqual([]);

			expect(log.warnings()).toEqual([
				expect.stringContaining('made again'),
				expect.stringContaining(reason.replace('Fatal: ', '')),
			]);
			const before = calls.length;
			await repository.list();
			expect(calls).toHaveLength(before + 1);
		},
	);
});
