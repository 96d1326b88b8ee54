import { describe, expect, test } from 'vitest';
import { handOver, lendingFleet, monitor, outcomeOf, PAUSE, RESUME, renameTo } from '../kit/lending-fleet.ts';

const MINUTE_MS = 60_000;

/** A replica that holds what its leader announced, while the leader cannot publish it. */
async function aheadFleet() {
	const fleet = await lendingFleet();
	fleet.cut('leader');
	await fleet.edit(PAUSE);
	const lent = fleet.announced();
	expect(await handOver(fleet.replica, lent)).toBe('applied');
	return { ...fleet, lent };
}

describe('a replica that is ahead of the repository', () => {
	test('says since when, and who handed it over', async () => {
		const { replica, leader, edit, announced } = await aheadFleet();
		const { position } = replica.state;

		await edit(renameTo('Second'));
		await handOver(replica, announced());

		expect(position).toMatchObject({ leaderId: leader.state.instanceId, since: expect.any(String) });
		expect(replica.state.position).toMatchObject({ since: (position as { since: string }).since });
	});

	test('goes back when the repository could be reached for a minute without listing it', async () => {
		const { replica, pass, store } = await aheadFleet();
		const before = store.kept.at(-1)?.snapshot.id;

		await replica.cycle();
		pass(MINUTE_MS - 1);
		await replica.cycle();
		const held = await monitor(replica);
		pass(1);
		const back = await outcomeOf(replica.cycle());

		expect(held.active).toBe(0);
		expect(back).toBe('applied');
		expect((await monitor(replica)).active).toBe(1);
		expect(replica.state.position).toMatchObject({ id: before });
	});

	test('stays for as long as the repository cannot be reached, and a minute beyond', async () => {
		const { replica, pass, cut, mend } = await aheadFleet();
		await replica.cycle();
		cut('replica');
		pass(60 * MINUTE_MS);
		expect(await outcomeOf(replica.cycle())).toBe('repository-unreachable');
		mend();

		await replica.cycle();
		const held = await monitor(replica);
		pass(MINUTE_MS);
		await replica.cycle();

		expect([held.active, (await monitor(replica)).active]).toEqual([0, 1]);
	});

	test('is not lent the same once more, nor anything else before its leader has published', async () => {
		const { replica, leader, pass, lent, edit, announced, mend } = await aheadFleet();
		await replica.cycle();
		pass(MINUTE_MS);
		await replica.cycle();

		await handOver(replica, lent);
		const again = await monitor(replica);
		await edit(renameTo('Second'));
		await handOver(replica, announced());
		const second = await monitor(replica);
		mend();
		await leader.cycle();
		await replica.cycle();
		const published = await monitor(replica);
		leader.edit(RESUME);
		await leader.cycle();
		expect(await handOver(replica, announced())).toBe('applied');

		expect([again.active, second.name === 'Second']).toEqual([1, false]);
		expect(published).toEqual({ name: 'Second', active: 0 });
		expect((await monitor(replica)).active).toBe(1);
	});

	test('goes back at once when its leader withdrew, and applies nothing that was withdrawn', async () => {
		const { replica, leader, lent } = await aheadFleet();

		const looks = replica.hear({ instanceId: leader.state.instanceId, digest: null });
		const back = await outcomeOf(replica.cycle());
		const again = await handOver(replica, lent);

		expect([looks, back, again]).toEqual([true, 'applied', 'up-to-date']);
		expect((await monitor(replica)).active).toBe(1);
	});

	test('goes back at once when another instance leads, unless that holds the same', async () => {
		const { replica, lent } = await aheadFleet();

		const same = replica.hear({ instanceId: 'another', digest: lent.place.digest });
		const stays = await outcomeOf(replica.cycle());
		const other = replica.hear({ instanceId: 'another', digest: 'f'.repeat(64) });
		const back = await outcomeOf(replica.cycle());

		expect([same, stays, other, back]).toEqual([false, 'up-to-date', true, 'applied']);
		expect((await monitor(replica)).active).toBe(1);
	});

	test('goes back when what takes the place of it must wait for a person', async () => {
		const { replica, edit, announced } = await aheadFleet();
		await replica.restart({ env: { REPLICATOR_GUARD_MONITORS: '50%,1' } });
		await replica.cycle();
		await edit('DELETE FROM monitor WHERE parent IS NULL');

		const handedOver = await handOver(replica, announced());
		const back = await outcomeOf(replica.cycle());

		expect([handedOver, back]).toEqual(['held', 'applied']);
		expect(await monitor(replica)).toMatchObject({ active: 1 });
		expect(replica.state.position).toMatchObject({ id: expect.any(String), generation: 1 });
	});

	test('stays when its leader comes back to what is held', async () => {
		const { replica, leader, lent, edit, announced } = await aheadFleet();
		await replica.restart({ env: { REPLICATOR_GUARD_MONITORS: '50%,1' } });
		await replica.cycle();
		await edit('DELETE FROM monitor WHERE parent IS NULL');
		const handedOver = await handOver(replica, announced());

		replica.hear({ instanceId: leader.state.instanceId, digest: lent.place.digest });
		const stays = await outcomeOf(replica.cycle());

		expect([handedOver, stays]).toEqual(['held', 'up-to-date']);
		expect(await monitor(replica)).toMatchObject({ active: 0 });
	});

	test('goes back after its leader died and another one was made the leader', async () => {
		const { replica, addReplica, pass } = await aheadFleet();
		const heir = await addReplica('heir');
		await heir.restart({ mode: 'BACKUP' });
		await heir.cycle();

		await replica.cycle();
		pass(MINUTE_MS);
		await replica.cycle();

		expect(await replica.rows()).toEqual(await heir.rows());
		expect(replica.state.position).toEqual(heir.state.position);
	});
});
