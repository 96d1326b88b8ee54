import { access, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PublishedSnapshot, Repository } from '../../src/model/lineage.ts';
import { delegateRepository } from '../kit/delegate-repository.ts';
import { type FleetMember, fleetMember } from '../kit/fleet-member.ts';
import { memoryRepository, memoryStore } from '../kit/memory-repository.ts';
import { testRepository, testTree } from '../kit/restic.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

/** Where several instances reach one repository. */
interface Place {
	open(options?: { readonly now?: () => number }): Promise<Repository>;
}

async function inMemory(): Promise<Place> {
	const store = memoryStore();
	return { open: async (options) => memoryRepository({ store, ...options }) };
}

async function behindRestic(): Promise<Place> {
	const location = join(await temporaryDirectory('repository'), 'repository');
	const cacheDirectory = await temporaryDirectory('restic-cache');
	return { open: async () => (await testRepository({ location, cacheDirectory })).repository };
}

/** A repository whose `publish` begins, and ends, only when as many callers have come to that point. */
function meeting(count: number) {
	const gate = () => {
		let arrived = 0;
		const { promise, resolve } = Promise.withResolvers<void>();
		return async () => {
			arrived += 1;
			if (arrived === count) resolve();
			await promise;
		};
	};
	const begin = gate();
	const end = gate();
	return (repository: Repository): Repository => ({
		...delegateRepository(repository),
		publish: async (publication) => {
			await begin();
			const published = await repository.publish(publication);
			await end();
			return published;
		},
	});
}

/** Two leaders that both hold the head, as after a promotion that nobody told the old leader of. */
async function twoLeaders(place: Place) {
	const left = await fleetMember({ mode: 'BACKUP', repository: await place.open() });
	await left.cycle();
	const right = await fleetMember({ mode: 'RESTORE', repository: await place.open(), isEmpty: true });
	await right.cycle();
	const replica = await fleetMember({ mode: 'RESTORE', repository: await place.open(), isEmpty: true });
	await replica.cycle();
	left.edit("UPDATE monitor SET name = 'left' WHERE id = 4");
	right.edit("UPDATE monitor SET name = 'right' WHERE id = 4");
	return { left, right, replica };
}

async function nameOnReplica(replica: FleetMember): Promise<unknown> {
	return (await replica.table('monitor')).find(({ id }) => id === 4)?.name;
}

const AT = Date.UTC(2026, 10, 24);

/** Time and id; restic leaves out zeros at the end of its nanoseconds, and both are of the same zone. */
function placeInTime(snapshot: PublishedSnapshot | undefined): string {
	const [, seconds, fraction = ''] = /^(.{19})(?:\.(\d+))?/.exec(snapshot?.time ?? '') ?? [];
	return `${seconds}.${fraction.padEnd(9, '0')} ${snapshot?.id}`;
}

describe('two leaders that publish at the same moment', { timeout: 180_000 }, () => {
	test.each([
		['memory', inMemory],
		['restic', behindRestic],
	] as const)(
		'find one winner on every instance, and the other stands down: %s',
		async (_name, makePlace) => {
			const place = await makePlace();
			const { left, right, replica } = await twoLeaders(place);
			const meet = meeting(2);
			const repository = await place.open({ now: () => AT });
			await left.restart({ repository: meet(await place.open({ now: () => AT })) });
			await right.restart({ mode: 'BACKUP', repository: meet(await place.open({ now: () => AT })) });

			const reports = await Promise.all([left.cycle(), right.cycle()]);
			await replica.cycle();

			const published = await repository.list();
			const fork = published.filter(({ generation }) => generation === 2);
			const [winner, loser] = left.state.instanceId === fork[0]?.instanceId ? [left, right] : [right, left];
			const outcomes = reports.map(({ outcome }) => outcome);
			expect(fork).toHaveLength(2);
			expect(placeInTime(fork[0]) < placeInTime(fork[1])).toBe(true);
			expect(outcomes).toEqual(winner === left ? ['published', 'stood-down'] : ['stood-down', 'published']);
			expect(await replica.rows()).toEqual(await winner.rows());
			// Both go on, the loser without publishing and without losing its edit; the replica stays with the winner.
			await left.restart({ repository });
			await right.restart({ repository });
			await replica.restart();
			const loserRows = await loser.rows();
			expect((await loser.cycle()).outcome).toBe('stood-down');
			winner.edit("UPDATE monitor SET name = 'next' WHERE id = 5");
			expect((await winner.cycle()).outcome).toBe('published');
			expect((await replica.cycle()).outcome).toBe('applied');
			expect(await replica.rows()).toEqual(await winner.rows());
			expect(await loser.rows()).toEqual(loserRows);
			expect((await repository.list()).map(({ generation }) => generation)).toEqual([1, 2, 2, 3]);
		},
	);

	test('settle on the older one when it shows up later, and a replica changes over once', async () => {
		const place = await inMemory();
		const { left, right, replica } = await twoLeaders(place);
		const late = await place.open({ now: () => AT });
		await left.restart({ repository: await place.open({ now: () => AT + 1_000 }) });
		const { promise: rightHasListed, resolve: tellListed } = Promise.withResolvers<void>();
		const { promise: leftIsDone, resolve: tellDone } = Promise.withResolvers<void>();
		await right.restart({
			mode: 'BACKUP',
			repository: {
				...delegateRepository(late),
				publish: async (publication) => {
					tellListed();
					await leftIsDone;
					return late.publish(publication);
				},
			},
		});

		const rightCycle = right.cycle();
		await rightHasListed;
		const leftReport = await left.cycle();
		await replica.cycle();
		const names = [await nameOnReplica(replica)];
		tellDone();
		const rightReport = await rightCycle;
		await replica.cycle();
		names.push(await nameOnReplica(replica));
		const leftAgain = await left.cycle();
		await replica.restart();
		await replica.cycle();
		names.push(await nameOnReplica(replica));

		expect([leftReport, rightReport, leftAgain].map(({ outcome }) => outcome)).toEqual([
			'published',
			'published',
			'stood-down',
		]);
		expect(names).toEqual(['left', 'right', 'right']);
	});
});

describe('a repository behind restic', { timeout: 180_000 }, () => {
	test('that vanished is not created anew by a leader that was there before', async () => {
		const location = join(await temporaryDirectory('place'), 'repository');
		const { repository } = await testRepository({ location });
		const leader = await fleetMember({ mode: 'BACKUP', repository });
		const first = await leader.cycle();
		await rename(location, `${location}-away`);
		leader.edit("UPDATE monitor SET name = 'Edited meanwhile' WHERE id = 4");

		const missed = leader.cycle();

		await expect(missed).rejects.toMatchObject({ code: 'repository-missing', isRetryable: true });
		await leader.restart();
		await expect(leader.cycle()).rejects.toMatchObject({ code: 'repository-missing' });
		await expect(leader.backup({ allowsDeletes: true })).rejects.toMatchObject({
			code: 'repository-missing',
		});
		await expect(access(location)).rejects.toMatchObject({ code: 'ENOENT' });
		await rename(`${location}-away`, location);
		expect([first.outcome, (await leader.cycle()).outcome]).toEqual(['published', 'published']);
		expect((await repository.list()).map(({ generation }) => generation)).toEqual([1, 2]);
	});

	test('that vanished is created anew when the leader is told to take over', async () => {
		const location = join(await temporaryDirectory('place'), 'repository');
		const { repository } = await testRepository({ location });
		const leader = await fleetMember({ mode: 'BACKUP', repository });
		await leader.cycle();
		await rename(location, `${location}-away`);

		const report = await leader.backup({ takesOver: true });

		expect(report.outcome).toBe('published');
		expect(await repository.list()).toMatchObject([{ generation: 1, parentId: null }]);
	});

	test('that the password does not open is never created again, by a new leader either', async () => {
		const location = await temporaryDirectory('repository');
		const { repository } = await testRepository({ location });
		await (await fleetMember({ mode: 'BACKUP', repository })).cycle();
		const wrong = await testRepository({ location, environment: { RESTIC_PASSWORD: 'mistyped-password' } });
		const newcomer = await fleetMember({ mode: 'BACKUP', repository: wrong.repository, isEmpty: true });
		const filesBefore = (await readdir(location, { recursive: true })).sort();

		for (const orders of [{}, { takesOver: true, allowsDeletes: true }]) {
			await expect(newcomer.backup(orders)).rejects.toMatchObject({ code: 'repository-password-wrong' });
		}

		expect(new Set(wrong.calls.map(({ command }) => command))).toEqual(new Set(['snapshots']));
		expect((await readdir(location, { recursive: true })).sort()).toEqual(filesBefore);
	});

	test('may be shared with another fleet and with backups of other programs', async () => {
		const location = await temporaryDirectory('repository');
		const cacheDirectory = await temporaryDirectory('restic-cache');
		const { repository: ours, restic } = await testRepository({ location, cacheDirectory });
		const { repository: theirs } = await testRepository({ location, cacheDirectory, fleet: 'branch-office' });
		const env = { REPLICATOR_RETENTION: 'last=1,days=0,months=0' };
		const leader = await fleetMember({ mode: 'BACKUP', repository: ours, env });
		const other = await fleetMember({ mode: 'BACKUP', repository: theirs, env });
		other.edit("UPDATE monitor SET name = 'Of the branch office' WHERE id = 4");
		await leader.cycle();
		await restic('backup', '--tag', 'photos', await testTree({ 'photo.jpg': 'a photo' }));

		const otherFirst = await other.cycle();
		for (const name of ['second', 'third']) {
			leader.edit(`UPDATE monitor SET name = '${name}' WHERE id = 4`);
			await leader.cycle();
		}
		const replicaOfOurs = await fleetMember({ mode: 'RESTORE', repository: ours, isEmpty: true });
		const replicaOfTheirs = await fleetMember({ mode: 'RESTORE', repository: theirs, isEmpty: true });
		await replicaOfOurs.cycle();
		await replicaOfTheirs.cycle();

		expect(otherFirst.outcome).toBe('published');
		expect(await ours.list()).toMatchObject([{ generation: 3 }]);
		expect(await theirs.list()).toMatchObject([{ generation: 1 }]);
		expect(JSON.parse(await restic('snapshots', '--json', '--no-lock', '--tag', 'photos'))).toHaveLength(1);
		expect(await replicaOfOurs.rows()).toEqual(await leader.rows());
		expect(await replicaOfTheirs.rows()).toEqual(await other.rows());
		await restic('check', '--read-data');
	});
});
