import { describe, expect, test } from 'vitest';
import type { Announcement } from '../../src/model/announcer.ts';
import type { CycleReport } from '../../src/model/status.ts';
import { writeTree } from '../../src/snapshot/write-tree.ts';
import { type FleetMember, fleetMember } from '../kit/fleet-member.ts';
import { memoryRepository, memoryStore, type RepositoryCall } from '../kit/memory-repository.ts';

const renameTo = (name: string) => `UPDATE monitor SET name = '${name}' WHERE id = 4`;

/** A leader that can be stopped right before it asks the repository, when it has told its replicas already. */
async function handingFleet() {
	const store = memoryStore();
	const calls: RepositoryCall[] = [];
	const told: Announcement[] = [];
	let withdrawals = 0;
	let whenTold = (): void => undefined;
	let gate: Promise<void> = Promise.resolve();
	const repository = memoryRepository({ store });
	const leader = await fleetMember({
		mode: 'BACKUP',
		repository: memoryRepository({ store, before: () => gate }),
		announcer: {
			announce: (announcement) => {
				told.push(announcement);
				whenTold();
			},
			confirm: () => undefined,
			withdraw: () => {
				withdrawals += 1;
			},
		},
	});
	await leader.cycle();
	const replica = await fleetMember({
		mode: 'RESTORE',
		repository: memoryRepository({ store, before: (call) => void calls.push(call) }),
		isEmpty: true,
	});
	expect((await replica.cycle()).outcome).toBe('applied');
	return {
		store,
		repository,
		leader,
		replica,
		calls,
		withdrawals: () => withdrawals,
		/** Edits the leader and hands what it tells to the replica, while its publish hangs. */
		async edit(sql: string): Promise<{ announcement: Announcement; publish: () => Promise<CycleReport> }> {
			const { promise: isTold, resolve } = Promise.withResolvers<void>();
			const { promise, resolve: open } = Promise.withResolvers<void>();
			whenTold = resolve;
			gate = promise;
			leader.edit(sql);
			const cycle = leader.cycle();
			await isTold;
			return {
				announcement: told.at(-1) ?? expect.fail('nothing was told'),
				publish: () => {
					open();
					return cycle;
				},
			};
		},
	};
}

/** Puts an announced snapshot into a replica's store, as the download from the leader does, and has it applied. */
async function handOver(replica: FleetMember, announcement: Announcement): Promise<CycleReport> {
	const { place, manifest, tree } = announcement;
	const { digest } = place;
	const write = (directory: string) => writeTree({ directory, encoded: { tree }, manifest });
	await replica.instance.snapshots.keep({ digest, where: 'the leader', write });
	return replica.followLeader(place);
}

const monitorName = async (member: FleetMember) =>
	(await member.table('monitor')).find(({ id }) => String(id) === '4')?.name;

describe('a snapshot that the leader hands over itself', () => {
	test('is applied before the repository has it, and found there later without a fetch', async () => {
		const { leader, replica, calls, edit } = await handingFleet();
		const { announcement, publish } = await edit(renameTo('Handed over'));
		calls.length = 0;

		const applied = await handOver(replica, announcement);
		const rowsAhead = await replica.rows();
		const polled = await replica.cycle();
		const ahead = replica.state.position;
		const callsAhead = [...calls];
		expect((await publish()).outcome).toBe('published');
		calls.length = 0;
		const recorded = await replica.cycle();

		expect(applied).toMatchObject({ outcome: 'applied', snapshotId: null });
		expect(applied.summary).toContain('ahead of the repository');
		expect(rowsAhead).toEqual(await leader.rows());
		expect(polled).toMatchObject({ outcome: 'up-to-date' });
		expect(ahead).toMatchObject({ id: null, generation: 2, digest: announcement.place.digest });
		expect(callsAhead).toEqual(['list']);
		expect(recorded).toMatchObject({ outcome: 'up-to-date', snapshotId: leader.state.position?.id });
		expect(calls).toEqual(['list']);
		expect(replica.state.position).toEqual(leader.state.position);
	});

	test('may follow another one that the replica has not seen in the repository either', async () => {
		const { leader, replica, edit } = await handingFleet();
		const first = await edit(renameTo('First'));
		await handOver(replica, first.announcement);
		await first.publish();
		const second = await edit(renameTo('Second'));

		const applied = await handOver(replica, second.announcement);
		const polled = await replica.cycle();

		expect(applied.outcome).toBe('applied');
		expect(polled.outcome).toBe('up-to-date');
		expect(await monitorName(replica)).toBe('Second');
		expect(replica.state.position).toMatchObject({ id: null, generation: 3 });
		await second.publish();
		await replica.cycle();
		expect(replica.state.position).toEqual(leader.state.position);
	});

	test('is left to the repository when it is not the next one', async () => {
		const { leader, replica, edit } = await handingFleet();
		const missed = await edit(renameTo('Missed'));
		await missed.publish();
		const second = await edit(renameTo('Second'));

		const report = await handOver(replica, second.announcement);

		expect(report).toMatchObject({ outcome: 'applied' });
		expect(await monitorName(replica)).toBe('Missed');
		await second.publish();
		await replica.cycle();
		expect(await replica.rows()).toEqual(await leader.rows());
	});

	test('is not applied a second time, nor an older one after it', async () => {
		const { replica, edit } = await handingFleet();
		const first = await edit(renameTo('First'));
		await first.publish();
		await replica.cycle();
		const second = await edit(renameTo('Second'));
		await handOver(replica, second.announcement);

		const again = await handOver(replica, second.announcement);
		const older = await handOver(replica, first.announcement);

		expect([again.outcome, older.outcome]).toEqual(['up-to-date', 'up-to-date']);
		expect(await monitorName(replica)).toBe('Second');
	});

	test('is never the first that an instance applies', async () => {
		const { repository, edit } = await handingFleet();
		const newcomer = await fleetMember({ mode: 'RESTORE', repository, isEmpty: true });
		const { announcement } = await edit(renameTo('Handed over'));

		const report = await handOver(newcomer, announcement);

		expect(report).toMatchObject({ outcome: 'applied' });
		expect(await monitorName(newcomer)).not.toBe('Handed over');
		expect(newcomer.state.position).toMatchObject({ generation: 1, id: expect.any(String) });
	});

	test('is held when it would delete too much, and stays so when the repository has it', async () => {
		const { leader, replica, edit } = await handingFleet();
		await replica.restart({ env: { REPLICATOR_GUARD_MONITORS: '50%,1' } });
		const before = await replica.rows();
		const { announcement, publish } = await edit('DELETE FROM monitor WHERE parent IS NULL');

		const report = await handOver(replica, announcement);
		await publish();
		const polled = await replica.cycle();

		expect([report.outcome, polled.outcome]).toEqual(['held', 'held']);
		expect(await replica.rows()).toEqual(before);
		expect(replica.state.position?.digest).not.toBe(leader.state.position?.digest);
	});
});

describe('a replica that is ahead of the repository', () => {
	test('stays so when its leader dies, and undoes what was edited on it at its next start', async () => {
		const { replica, edit, leader } = await handingFleet();
		const { announcement } = await edit(renameTo('Handed over'));
		await handOver(replica, announcement);
		replica.edit(renameTo('Edited here'));

		await replica.restart();
		const started = await replica.cycle();
		const asked = await replica.restore();

		expect(started.outcome).toBe('applied');
		expect(asked.outcome).toBe('unchanged');
		expect(await replica.rows()).toEqual(await leader.rows());
		expect(replica.state.position).toMatchObject({ id: null, generation: 2 });
	});

	test('publishes what it holds when it is made the leader', async () => {
		const { replica, edit, store, repository } = await handingFleet();
		const { announcement } = await edit(renameTo('Handed over'));
		await handOver(replica, announcement);
		const [head] = await repository.list();

		await replica.restart({ mode: 'BACKUP' });
		const led = await replica.cycle();

		expect(led.outcome).toBe('published');
		expect(store.kept.map(({ snapshot }) => snapshot)).toMatchObject([
			{ generation: 1 },
			{ generation: 2, parentId: head?.id, digest: announcement.place.digest },
		]);
		expect(replica.state.position).toMatchObject({ id: store.kept[1]?.snapshot.id });
	});

	test('leads on from the snapshot when that arrived in the meantime', async () => {
		const { replica, edit, store } = await handingFleet();
		const { announcement, publish } = await edit(renameTo('Handed over'));
		await handOver(replica, announcement);
		await publish();

		await replica.restart({ mode: 'BACKUP' });
		replica.edit(renameTo('Edited by the heir'));
		const led = await replica.cycle();

		expect(led.outcome).toBe('published');
		expect(store.kept.map(({ snapshot }) => snapshot.generation)).toEqual([1, 2, 3]);
	});

	test('changes over to the head of another leader, once', async () => {
		const { replica, repository, edit, withdrawals } = await handingFleet();
		const other = await fleetMember({ mode: 'RESTORE', repository, isEmpty: true });
		await other.cycle();
		await other.restart({ mode: 'BACKUP' });
		const { announcement, publish } = await edit(renameTo('Handed over'));
		other.edit(renameTo('Of the other leader'));
		await handOver(replica, announcement);
		expect((await other.cycle()).outcome).toBe('published');

		const changedOver = await replica.cycle();
		const stoodDown = await publish();
		const again = await handOver(replica, announcement);

		expect(changedOver.outcome).toBe('applied');
		expect(stoodDown.outcome).toBe('stood-down');
		expect(withdrawals()).toBe(1);
		expect(again.outcome).toBe('up-to-date');
		expect(await replica.rows()).toEqual(await other.rows());
	});

	test('follows a repository that was begun anew', async () => {
		const { replica, edit, store } = await handingFleet();
		const { announcement } = await edit(renameTo('Handed over'));
		await handOver(replica, announcement);
		store.kept = [];
		const repository = memoryRepository({ store });
		const founder = await fleetMember({ mode: 'BACKUP', repository });
		founder.edit(renameTo('Begun anew'));
		await founder.cycle();

		const report = await replica.cycle();

		expect(report.outcome).toBe('applied');
		expect(await monitorName(replica)).toBe('Begun anew');
	});

	test('follows the head when it lost what it held', async () => {
		const { replica, edit, repository } = await handingFleet();
		const { announcement } = await edit(renameTo('Handed over'));
		await handOver(replica, announcement);
		await replica.instance.snapshots.dropAllBut([]);

		const report = await replica.cycle();

		const [head] = await repository.list();
		expect(report).toMatchObject({ outcome: 'applied', snapshotId: head?.id });
		expect(await monitorName(replica)).not.toBe('Handed over');
	});
});

test('a leader tells nobody of an edit before it has looked at the repository when it is not sure to lead', async () => {
	const told: Announcement[] = [];
	const store = memoryStore();
	const announcer = {
		announce: (announcement: Announcement) => void told.push(announcement),
		confirm: () => undefined,
		withdraw: () => undefined,
	};
	const asks: number[] = [];
	const repository = memoryRepository({
		store,
		before: (call) => void (call === 'list' && asks.push(told.length)),
	});
	const first = await fleetMember({ mode: 'BACKUP', repository: memoryRepository({ store }) });
	await first.cycle();
	const heir = await fleetMember({ mode: 'RESTORE', repository, isEmpty: true, announcer });
	await heir.cycle();

	await heir.restart({ mode: 'BACKUP' });
	heir.edit(renameTo('Of the heir'));
	const led = await heir.cycle();

	expect(led.outcome).toBe('published');
	expect(told).toHaveLength(1);
	expect(Math.max(...asks.slice(0, 2))).toBe(0);
});
