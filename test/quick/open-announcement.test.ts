import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import {
	handOver,
	lendingFleet,
	monitor,
	outcomeOf,
	PAUSE,
	RESUME,
	renameTo,
	unreachableError,
} from '../kit/lending-fleet.ts';
import { memoryRepository } from '../kit/memory-repository.ts';

const HOUR_MS = 3_600_000;

describe('while the repository is out of reach', () => {
	test('each edit of the leader takes the place of the one before on its replicas', async () => {
		const { leader, replica, edit, announced, cut, mend } = await lendingFleet();
		cut('leader', 'replica');

		const names: unknown[] = [];
		for (const name of ['First', 'Second', 'Third']) {
			expect(await edit(renameTo(name))).toBe('repository-unreachable');
			expect(await handOver(replica, announced())).toBe('applied');
			names.push((await monitor(replica)).name);
		}
		mend();
		await leader.cycle();
		await replica.cycle();

		expect(names).toEqual(['First', 'Second', 'Third']);
		expect(replica.state.position).toEqual(leader.state.position);
		expect(await replica.rows()).toEqual(await leader.rows());
	});

	test('an edit that is undone is undone on the replicas, too', async () => {
		const { leader, replica, edit, announced, cut, mend } = await lendingFleet();
		cut('leader', 'replica');
		await edit(PAUSE);
		await handOver(replica, announced());
		const paused = await monitor(replica);

		await edit(RESUME);
		const handedOver = await handOver(replica, announced());
		const resumed = await monitor(replica);
		mend();
		const published = await outcomeOf(leader.cycle());
		await replica.cycle();

		expect([paused.active, handedOver, resumed.active]).toEqual([0, 'applied', 1]);
		expect(published).toBe('published');
		expect(replica.state.position).toEqual(leader.state.position);
	});

	test.each([
		['undone', PAUSE, RESUME],
		['replaced by another one', PAUSE, renameTo('Another')],
	])(
		'an edit that is %s before the next attempt reaches a replica that heard of the first alone',
		async (_how, first, second) => {
			const { leader, replica, edit, announced, cut, mend } = await lendingFleet();
			cut('leader');
			await edit(first);
			await handOver(replica, announced());

			mend();
			const led = await edit(second);
			await replica.cycle();

			expect(led).toBe('published');
			expect(await replica.rows()).toEqual(await leader.rows());
			expect(replica.state.position).toEqual(leader.state.position);
		},
	);

	test('a genuine older announcement that is sent once more replaces nothing', async () => {
		const { replica, edit, announced, cut } = await lendingFleet();
		cut('leader', 'replica');
		await edit(renameTo('First'));
		const first = announced();
		await handOver(replica, first);
		await edit(renameTo('Second'));
		await handOver(replica, announced());

		await handOver(replica, first);

		expect((await monitor(replica)).name).toBe('Second');
	});

	test('what takes the place of another is made later, whatever the clock of the leader does', async () => {
		const fleet = await lendingFleet();
		const { leader, replica, edit, announced, cut } = fleet;
		let now = Date.UTC(2026, 10, 27, 12);
		await leader.restart({ now: () => now });
		cut('leader', 'replica');
		await edit(renameTo('First'));
		await handOver(replica, announced());

		now -= 3 * HOUR_MS;
		await edit(renameTo('Second'));
		await handOver(replica, announced());

		expect((await monitor(replica)).name).toBe('Second');
	});
});

describe('what a leader has announced', () => {
	test('is on record before anybody hears of it, and no longer when it is published', async () => {
		const { leader, edit, announced, onAnnounced } = await lendingFleet();
		const onDisk = async () => JSON.parse(await readFile(leader.paths.stateFile, 'utf8')).announced;
		let recorded: unknown;
		onAnnounced(async () => {
			recorded = await onDisk();
		});

		expect(await edit(PAUSE)).toBe('published');

		const { digest, generation, parentId } = announced().place;
		expect(recorded).toMatchObject({ digest, generation, parentId });
		expect(await onDisk()).toBeNull();
	});

	test.each([
		['as it was before the announcement', RESUME],
		['as it was announced', 'SELECT 1'],
		['edited once more', renameTo('Edited while it was down')],
	])('is closed at its next start, with a database that is %s', async (_how, sql) => {
		const { leader, replica, edit, announced, cut, mend } = await lendingFleet();
		cut('leader');
		await edit(PAUSE);
		await handOver(replica, announced());

		leader.edit(sql);
		mend();
		await leader.restart();
		const started = await outcomeOf(leader.cycle());
		await replica.cycle();

		expect(started).toBe('published');
		expect(leader.state.announced).toBeNull();
		expect(await outcomeOf(leader.cycle())).toBe('unchanged');
		expect(await replica.rows()).toEqual(await leader.rows());
		expect(replica.state.position).toEqual(leader.state.position);
	});

	test('stands while its publish fails, and is withdrawn when another leader came first', async () => {
		const { leader, replica, said, edit, announced, cut, mend, addReplica } = await lendingFleet();
		const other = await addReplica('other');
		await other.restart({ mode: 'BACKUP' });
		cut('leader');
		await edit(PAUSE);
		await edit(PAUSE);
		const saidDuringOutage = [...said];
		await handOver(replica, announced());
		other.edit(renameTo('Of the other leader'));
		await other.cycle();

		mend();
		const stoodDown = await outcomeOf(leader.cycle());
		await replica.cycle();

		expect(saidDuringOutage).toEqual(['announced', 'announced']);
		expect(stoodDown).toBe('stood-down');
		expect(said.at(-1)).toBe('withdrawn');
		expect(leader.state.announced).toBeNull();
		expect(await replica.rows()).toEqual(await other.rows());
	});

	test('is confirmed when it got into the repository although the publish seemed to fail', async () => {
		const { leader, said, edit, repositoryOf, replica, announced } = await lendingFleet();
		let fails = true;
		const repository = repositoryOf('leader', (call) => {
			if (call === 'publish' && fails) throw unreachableError();
		});
		await leader.restart({ repository });
		expect(await edit(PAUSE)).toBe('repository-unreachable');
		await handOver(replica, announced());

		fails = false;
		const again = await outcomeOf(leader.cycle());
		await replica.cycle();

		expect(again).toBe('unchanged');
		expect(said.at(-1)).toBe('confirmed');
		expect(leader.state.announced).toBeNull();
		expect(replica.state.position).toEqual(leader.state.position);
	});

	test('is its own when it got there unseen, however often the next publish fails', async () => {
		const { leader, edit, repositoryOf, store } = await lendingFleet();
		let fails: 'behind' | 'before' | 'no' = 'behind';
		const repository = memoryRepository({
			store,
			before: (call) => {
				if (call === 'publish' && fails === 'before') throw unreachableError();
			},
			after: (call) => {
				if (call === 'publish' && fails === 'behind') throw unreachableError();
			},
		});
		await leader.restart({ repository });
		expect(await edit(PAUSE)).toBe('repository-unreachable');

		fails = 'before';
		for (const name of ['Second', 'Third']) expect(await edit(renameTo(name))).toBe('repository-unreachable');
		await leader.restart({ repository: repositoryOf('leader') });
		const led = await edit(renameTo('Fourth'));

		expect(led).toBe('published');
		expect(store.kept.map(({ snapshot }) => snapshot.generation)).toEqual([1, 2, 3]);
	});

	test('is nothing that it owes when it becomes a replica', async () => {
		const { leader, edit, cut, mend } = await lendingFleet();
		cut('leader');
		await edit(PAUSE);

		mend();
		await leader.restart({ mode: 'RESTORE' });
		await leader.cycle();

		expect(leader.state.announced).toBeNull();
		expect((await monitor(leader)).active).toBe(1);
	});
});
