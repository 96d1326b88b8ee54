import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PublishedSnapshot, Repository } from '../../src/model/lineage.ts';
import { memoryRepository, memoryStore } from '../kit/memory-repository.ts';
import { publishListed } from '../kit/publish-listed.ts';
import { restServer } from '../kit/rest-server.ts';
import { createdRepository, testPublication, testRepository, testTree } from '../kit/restic.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { makeWeakRepository } from '../kit/weak-repository.ts';

/** One repository that does not exist yet, seen by several fleets and by another program. */
interface Place {
	open(fleet: string): Promise<Repository>;
	/** Makes it without the cost that {@link Repository.create} has. */
	make(): Promise<void>;
	addForeign(): Promise<void>;
}

async function localFolder(): Promise<Place> {
	const location = join(await temporaryDirectory('repository'), 'not-yet');
	const cacheDirectory = await temporaryDirectory('restic-cache');
	return {
		open: async (fleet) => (await testRepository({ location, cacheDirectory, fleet })).repository,
		make: () => makeWeakRepository(location),
		addForeign: async () => {
			const { restic } = await testRepository({ location, cacheDirectory });
			await restic('backup', '--tag', 'photos', await testTree({ 'photo.jpg': 'a photo' }));
		},
	};
}

async function memory(): Promise<Place> {
	const store = memoryStore();
	// As restic's nanoseconds do it, no two snapshots have the same time.
	let time = Date.UTC(2026, 10, 24);
	const now = () => (time += 1);
	return {
		open: async (fleet) => memoryRepository({ store, fleet, now }),
		make: () => memoryRepository({ store }).create(),
		addForeign: async () => {
			store.foreignCount += 1;
		},
	};
}

describe.each([
	['restic in a local folder', localFolder],
	['memory', memory],
] as const)('a repository: %s', (_name, makePlace) => {
	test('is missing until it is created, and empty then', async () => {
		const repository = await (await makePlace()).open('default');

		await expect(repository.list()).rejects.toMatchObject({ code: 'repository-missing' });
		await repository.create();

		expect(await repository.list()).toEqual([]);
	});

	test('has one id, the same for every fleet and every process that opens it', async () => {
		const place = await makePlace();
		const repository = await place.open('default');
		await expect(repository.id()).rejects.toMatchObject({ code: 'repository-missing' });
		await repository.create();

		const id = await repository.id();

		expect(id).toMatch(/^[0-9a-f]{64}$/);
		expect(await (await place.open('another')).id()).toBe(id);
		const other = await (await makePlace()).open('default');
		await other.create();
		expect(await other.id()).not.toBe(id);
	});

	test('can be created by two leaders one after the other without losing anything', async () => {
		const { repository, first } = await withOneSnapshot(await makePlace());

		// A local folder with snapshots in it is not created again, and says nothing but that it is there.
		await repository.create().catch((error) => expect(error).toMatchObject({ code: 'restic-failed' }));

		expect(await repository.list()).toEqual([first]);
	});

	test('gives back every byte that was published', async () => {
		const place = await makePlace();
		const repository = await place.open('default');
		await place.make();
		const files = {
			'manifest.json': '{"digest":"…"}',
			'tables/monitor.csv': 'id,name\r\n"1","💚 \u0000 ünï"\r\n',
			'tables/empty.csv': '',
			'files/upload/logo.png': Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7919) % 256),
		};
		const target = await temporaryDirectory('fetched');

		const published = await publishListed(repository, testPublication({ directory: await testTree(files) }));
		await repository.fetch({ id: published.id, directory: target });

		for (const [path, content] of Object.entries(files)) {
			expect(Buffer.compare(await readFile(join(target, path)), Buffer.from(content)), path).toBe(0);
		}
	});

	test('keeps what it fetched from everybody but this user', async () => {
		const { repository, first } = await withOneSnapshot(await makePlace());
		const target = await temporaryDirectory('fetched');

		await repository.fetch({ id: first.id, directory: target });

		expect((await stat(target)).mode & 0o777).toBe(0o700);
		expect((await stat(join(target, 'tables'))).mode & 0o777).toBe(0o700);
		expect((await stat(join(target, 'tables/monitor.csv'))).mode & 0o777).toBe(0o600);
	});

	test('returns from publish what it lists', async () => {
		const place = await makePlace();
		const repository = await place.open('default');
		await place.make();
		const directory = await testTree({ 'manifest.json': '1' });
		const first = await publishListed(repository, testPublication({ directory }));
		const publication = testPublication({
			directory,
			hostname: 'second leader',
			generation: 2,
			digest: 'd2'.repeat(32),
			parentId: first.id,
			instanceId: 'instance-2',
			allowsDeletes: true,
		});

		const second = await publishListed(repository, publication);

		const { directory: _directory, ...place2 } = publication;
		expect(second).toEqual({ ...place2, id: second.id, time: second.time });
		expect(second.id).toMatch(/^[0-9a-f]{64}$/);
		expect(await repository.list()).toEqual([first, second]);
	});

	test('takes what is in the directory now, however alike it looks from outside', async () => {
		const { repository } = await withOneSnapshot(await makePlace());
		const directory = await testTree({ 'manifest.json': 'a' });
		await repository.publish(testPublication({ directory, generation: 2 }));
		await writeFile(join(directory, 'manifest.json'), 'b');
		const target = await temporaryDirectory('fetched');

		const { id } = await publishListed(repository, testPublication({ directory, generation: 3 }));
		await repository.fetch({ id, directory: target });

		expect(await readFile(join(target, 'manifest.json'), 'utf8')).toBe('b');
	});

	test('lists both snapshots of a fork, after older generations', async () => {
		const { repository, first, directory } = await withOneSnapshot(await makePlace());
		const child = { directory, generation: 2, parentId: first.id };

		const third = await publishListed(repository, testPublication({ ...child, generation: 3 }));
		const left = await publishListed(repository, testPublication({ ...child, instanceId: 'left' }));
		const right = await publishListed(repository, testPublication({ ...child, instanceId: 'right' }));

		expect(await repository.list()).toEqual([first, left, right, third]);
	});

	test("shows a fleet neither other fleets' snapshots nor those of other programs", async () => {
		const place = await makePlace();
		const { repository, first, directory } = await withOneSnapshot(place);
		const other = await place.open('default2');

		const theirs = await publishListed(other, testPublication({ directory }));
		await place.addForeign();

		expect(await repository.list()).toEqual([first]);
		expect(await other.list()).toEqual([theirs]);
	});

	test('says so when a snapshot is not there', async () => {
		const { repository } = await withOneSnapshot(await makePlace());
		const directory = await temporaryDirectory('fetched');

		const fetching = repository.fetch({ id: 'ab'.repeat(32), directory });

		await expect(fetching).rejects.toMatchObject({ code: 'snapshot-not-found', isRetryable: false });
	});

	test('forgets what no rule keeps, and nothing that belongs to somebody else', async () => {
		const place = await makePlace();
		const { repository, first, directory } = await withOneSnapshot(place);
		const other = await place.open('other');
		const theirs = await publishListed(other, testPublication({ directory }));
		await place.addForeign();
		const published: PublishedSnapshot[] = [first];
		for (const generation of [2, 3, 4]) {
			published.push(await publishListed(repository, testPublication({ directory, generation })));
		}
		const [, second, third, fourth] = published;

		const retained = await repository.retain({
			retention: { last: 2, days: 0, months: 0 },
			headId: fourth?.id ?? '',
		});

		expect(retained).toEqual({ outcome: 'retained', forgotten: [first.id, second?.id] });
		expect(await repository.list()).toEqual([third, fourth]);
		expect(await other.list()).toEqual([theirs]);
		expect(await repository.prune()).toEqual({ outcome: 'shared' });
	});

	test('keeps the head even if no rule does', async () => {
		const { repository, first } = await withOneSnapshot(await makePlace());

		const retained = await repository.retain({
			retention: { last: 0, days: 0, months: 0 },
			headId: first.id,
		});

		expect(retained).toEqual({ outcome: 'retained', forgotten: [] });
		expect(await repository.list()).toEqual([first]);
	});

	test('can still be fetched from after it was pruned', async () => {
		const place = await makePlace();
		const { repository, directory } = await withOneSnapshot(place);
		const head = await publishListed(repository, testPublication({ directory, generation: 2 }));
		await repository.retain({ retention: { last: 1, days: 0, months: 0 }, headId: head.id });
		const target = await temporaryDirectory('fetched');

		const pruned = await repository.prune();
		await repository.fetch({ id: head.id, directory: target });

		expect(pruned).toEqual({ outcome: 'pruned' });
		expect(await readFile(join(target, 'manifest.json'), 'utf8')).toBe('first');
	});
});

test('of two snapshots of a fork with the same time, the one with the smaller id comes first', async () => {
	const repository = memoryRepository({ now: () => Date.UTC(2026, 10, 24) });
	await repository.create();
	const directory = await testTree({ 'manifest.json': 'first' });
	const published: PublishedSnapshot[] = [];
	for (const instanceId of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
		published.push(await publishListed(repository, testPublication({ directory, instanceId })));
	}

	const listed = await repository.list();

	expect(listed.map(({ id }) => id)).toEqual(published.map(({ id }) => id).sort());
});

describe('a repository behind restic', () => {
	test('costs at most five requests to look for something new, and one process', async () => {
		const server = await restServer();
		const { repository, calls } = await testRepository({ location: server.location });
		await makeWeakRepository(server.directory);
		const directory = await testTree({ 'manifest.json': 'first', 'tables/monitor.csv': 'id\r\n' });
		for (const generation of [1, 2, 3]) await repository.publish(testPublication({ directory, generation }));
		await repository.list();
		server.requests.length = 0;
		const callsBefore = calls.length;

		const listed = await repository.list();

		expect(listed).toHaveLength(3);
		expect(calls).toHaveLength(callsBefore + 1);
		expect(server.requests.length).toBeLessThanOrEqual(5);
		expect(server.requests.filter((request) => !/^(GET|HEAD) /.test(request))).toEqual([]);
	});

	test('writes no lock and at most nine requests to fetch a snapshot', async () => {
		const server = await restServer();
		const { repository } = await testRepository({ location: server.location });
		await makeWeakRepository(server.directory);
		const tables = Array.from({ length: 18 }, (_, index) => [`tables/t${index}.csv`, `row ${index}\r\n`]);
		const directory = await testTree({ ...Object.fromEntries(tables), 'manifest.json': 'first' });
		const { id } = await publishListed(repository, testPublication({ directory }));
		server.requests.length = 0;

		await repository.fetch({ id, directory: await temporaryDirectory('fetched') });

		expect(server.requests.length).toBeLessThanOrEqual(9);
		expect(server.requests.filter((request) => !/^(GET|HEAD) /.test(request))).toEqual([]);
	});

	test('ignores a snapshot of the fleet whose tags are broken, and reports it once', async () => {
		const warnings: unknown[] = [];
		const location = await temporaryDirectory('repository');
		const log = {
			debug() {},
			info() {},
			error() {},
			warning: (message: string, fields?: object) => warnings.push({ message, ...fields }),
		};
		const { repository, restic } = await createdRepository({ location, log });
		const directory = await testTree({ 'manifest.json': 'first' });
		const good = await publishListed(repository, testPublication({ directory }));
		await restic('backup', '--tag', 'replicator-kuma,fleet=default,generation=9', directory);

		const listed = [await repository.list(), await repository.list()];

		expect(listed).toEqual([[good], [good]]);
		expect(warnings).toHaveLength(1);
		expect(warnings).toMatchObject([{ reason: 'it has no tag parent' }]);
	});

	test('hands no filter on to restic that would hide snapshots of other hosts', async () => {
		const location = await temporaryDirectory('repository');
		const { repository } = await createdRepository({
			location,
			environment: { RESTIC_HOST: 'somebody-else', RESTIC_PROGRESS_FPS: '1' },
		});
		const directory = await testTree({ 'manifest.json': 'first' });

		const published = await publishListed(repository, testPublication({ directory, hostname: 'me' }));

		expect(await repository.list()).toEqual([published]);
	});

	test('finds repository and password in files that are named by relative paths', async () => {
		const folder = await temporaryDirectory('files');
		await mkdir(join(folder, 'repository'));
		const here = process.cwd();
		await writeFile(join(folder, 'where'), 'repository\n');
		await writeFile(join(folder, 'password'), 'from a file\n');
		process.chdir(folder);
		try {
			const { repository } = await testRepository({
				location: '',
				environment: {
					RESTIC_REPOSITORY_FILE: 'where',
					RESTIC_PASSWORD_FILE: 'password',
					RESTIC_PASSWORD: '',
				},
			});
			await repository.create();
			const directory = await testTree({ 'manifest.json': 'first' });

			const published = await publishListed(repository, testPublication({ directory }));

			expect(await repository.list()).toEqual([published]);
			expect(repository.location).toBe(join(folder, 'repository'));
		} finally {
			process.chdir(here);
		}
	});

	test('refuses to be created over snapshots whose key to them was lost', async () => {
		const location = await temporaryDirectory('repository');
		const { repository } = await testRepository({ location });
		await repository.create();
		await repository.publish(testPublication({ directory: await testTree({ 'manifest.json': '1' }) }));
		await rm(join(location, 'config'));

		await expect(repository.list()).rejects.toMatchObject({ code: 'repository-missing' });
		await expect(repository.create()).rejects.toMatchObject({ code: 'restic-failed' });
		expect(repository.location).toBe(location);
	});

	test('is created over the key of a creation that was killed, once nobody else can be at it', async () => {
		const location = await temporaryDirectory('repository');
		const { repository } = await testRepository({ location });
		await repository.create();
		// What a killed "restic init" leaves: it writes a key first and the file "config" last.
		await rm(join(location, 'config'));
		const key = join(location, 'keys', (await readdir(join(location, 'keys')))[0] ?? '');
		await expect(repository.create()).rejects.toMatchObject({ code: 'repository-locked', isRetryable: true });
		const before = new Date(Date.now() - 120_000);
		await utimes(key, before, before);

		await repository.create();

		const published = await publishListed(
			repository,
			testPublication({ directory: await testTree({ 'manifest.json': '1' }) }),
		);
		expect(await repository.list()).toEqual([published]);
	});
});

async function withOneSnapshot(place: Place) {
	const repository = await place.open('default');
	await place.make();
	const directory = await testTree({ 'manifest.json': 'first', 'tables/monitor.csv': 'id\r\n' });
	const first = await publishListed(repository, testPublication({ directory }));
	return { repository, first, directory };
}
