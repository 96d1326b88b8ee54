import { access, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fleetMember } from '../kit/fleet-member.ts';
import { createdRepository, testRepository, testTree } from '../kit/restic.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { expectOneWinner } from '../kit/two-leaders.ts';
import { makeWeakRepository } from '../kit/weak-repository.ts';

describe('a repository behind restic', { timeout: 180_000 }, () => {
	test('shows two leaders that publish at the same moment one winner, and the other stands down', async () => {
		const location = await temporaryDirectory('repository');
		const cacheDirectory = await temporaryDirectory('restic-cache');
		await makeWeakRepository(location);

		await expectOneWinner({
			open: async () => (await testRepository({ location, cacheDirectory })).repository,
		});
	});

	test('that vanished is not created anew by a leader that was there before', async () => {
		const location = join(await temporaryDirectory('place'), 'repository');
		const { repository } = await createdRepository({ location });
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
		const { repository: ours, restic } = await createdRepository({ location, cacheDirectory });
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
