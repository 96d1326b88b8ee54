import { describe, expect, test } from 'vitest';
import { findHead } from '../../src/lineage/find-head.ts';
import { delegateRepository } from '../kit/delegate-repository.ts';
import { fleetMember } from '../kit/fleet-member.ts';
import { memoryRepository, memoryStore, type RepositoryCall } from '../kit/memory-repository.ts';

const OTHER_LEADER = 'neither published nor applied by this instance';

/** A fleet whose leader has published its first snapshot. */
async function ledFleet() {
	const store = memoryStore();
	const repository = memoryRepository({ store });
	const leader = await fleetMember({ mode: 'BACKUP', repository });
	const first = await leader.cycle();
	expect(first.outcome).toBe('published');
	return { store, repository, leader };
}

test('a leader on which nothing is edited asks the repository once an hour, and notices then that it is gone', async () => {
	const store = memoryStore();
	const calls: RepositoryCall[] = [];
	let now = Date.UTC(2026, 10, 24);
	const leader = await fleetMember({
		mode: 'BACKUP',
		repository: memoryRepository({ store, before: (call) => void calls.push(call) }),
		now: () => now,
	});
	await leader.cycle();
	// Behind its own publish it looks once more, for another leader's of the same moment.
	await leader.cycle();
	calls.length = 0;

	const idle = [await leader.cycle(), await leader.cycle()];
	const callsWhileIdle = [...calls];
	now += 60 * 60 * 1000;
	const afterAnHour = await leader.cycle();

	expect(idle.map(({ outcome }) => outcome)).toEqual(['unchanged', 'unchanged']);
	expect(callsWhileIdle).toEqual([]);
	expect(afterAnHour.outcome).toBe('unchanged');
	expect(calls).toEqual(['list']);
	now += 60 * 60 * 1000;
	store.exists = false;
	await expect(leader.cycle()).rejects.toMatchObject({ code: 'repository-missing' });
});

describe('a leader that looks the head up while an edit settles', () => {
	/** A leader that holds the head, and the calls of its repository from then on. */
	async function foreseeing() {
		const store = memoryStore();
		const calls: RepositoryCall[] = [];
		const leader = await fleetMember({
			mode: 'BACKUP',
			repository: memoryRepository({ store, before: (call) => void calls.push(call) }),
		});
		await leader.cycle();
		calls.length = 0;
		return { store, calls, leader, repository: memoryRepository({ store }) };
	}
	const edit = "UPDATE monitor SET name = 'Edited' WHERE id = 4";

	test('does not wait for it when it publishes', async () => {
		const { calls, leader } = await foreseeing();
		leader.foresee();
		leader.edit(edit);
		const published = await leader.cycle();

		expect(published.outcome).toBe('published');
		expect(calls.slice(0, 3)).toEqual(['list', 'publish', 'list']);
	});

	test('looks again when it published in between, or when the look failed', async () => {
		const { store, calls, leader } = await foreseeing();
		leader.foresee();
		await leader.backup({ allowsDeletes: true });
		leader.edit(edit);
		const behindItsOwn = await leader.cycle();
		store.exists = false;
		leader.foresee();
		await new Promise((resolve) => setImmediate(resolve));
		store.exists = true;
		calls.length = 0;
		leader.edit("UPDATE monitor SET name = 'Edited again' WHERE id = 4");
		const behindAFailure = await leader.cycle();

		expect([behindItsOwn.outcome, behindAFailure.outcome]).toEqual(['published', 'published']);
		expect(calls.slice(0, 3)).toEqual(['list', 'publish', 'list']);
		expect(store.kept.map(({ snapshot }) => snapshot.generation)).toEqual([1, 2, 3, 4]);
	});

	test('stands down when another leader published in between, and keeps its edit', async () => {
		const { store, leader, repository } = await foreseeing();
		const other = await fleetMember({ mode: 'RESTORE', repository, isEmpty: true });
		await other.cycle();
		await other.restart({ mode: 'BACKUP' });
		leader.foresee();
		await new Promise((resolve) => setImmediate(resolve));
		other.edit("UPDATE monitor SET name = 'Of the other' WHERE id = 4");
		expect((await other.cycle()).outcome).toBe('published');
		leader.edit(edit);

		const reports = [await leader.cycle(), await leader.cycle()];

		expect(reports.map(({ outcome }) => outcome)).toEqual(['stood-down', 'stood-down']);
		expect(findHead(store.kept.map(({ snapshot }) => snapshot)).head?.id).toBe(other.state.position?.id);
		expect((await leader.table('monitor')).find(({ id }) => String(id) === '4')?.name).toBe('Edited');
	});
});

describe('a new leader', () => {
	test('whose Kuma nobody has set up takes what the fleet has before it leads', async () => {
		const { repository, leader, store } = await ledFleet();
		const heir = await fleetMember({ mode: 'BACKUP', repository, isEmpty: true });

		const restored = await heir.cycle();
		const rows = await heir.rows();
		const second = await heir.cycle();
		heir.edit("UPDATE monitor SET name = 'Blog of the heir' WHERE id = 4");
		const published = await heir.cycle();

		expect(restored.outcome).toBe('applied');
		expect(rows).toEqual(await leader.rows());
		expect(second.outcome).toBe('unchanged');
		expect(published.outcome).toBe('published');
		expect(store.kept.map(({ snapshot }) => snapshot.generation)).toEqual([1, 2]);
		leader.edit("UPDATE monitor SET name = 'Blog of the old leader' WHERE id = 4");
		expect((await leader.cycle()).summary).toContain(OTHER_LEADER);
	});

	test('whose Kuma nobody has set up waits for a user while there is nothing to take', async () => {
		const store = memoryStore();
		const repository = memoryRepository({ store });
		const leader = await fleetMember({ mode: 'BACKUP', repository, isEmpty: true });

		const waiting = await leader.cycle();
		const forced = await leader.backup({ takesOver: true, allowsDeletes: true });
		leader.edit("INSERT INTO user (id, username, password, active) VALUES (1, 'admin', 'x', 1)");
		const published = await leader.cycle();

		expect(waiting.outcome).toBe('wait-for-user');
		expect(forced.outcome).toBe('wait-for-user');
		expect(published.outcome).toBe('published');
		expect(store.kept).toHaveLength(1);
	});

	test('that a person has set up already stands down and changes nothing, here or there', async () => {
		const { repository, store } = await ledFleet();
		const newcomer = await fleetMember({ mode: 'BACKUP', repository, isEmpty: true });
		newcomer.edit("INSERT INTO user (id, username, password, active) VALUES (1, 'somebody', 'x', 1)");
		const before = await newcomer.rows();

		const report = await newcomer.cycle();

		expect(report).toMatchObject({ outcome: 'stood-down', needsDecision: true });
		expect(report.summary).toContain(OTHER_LEADER);
		expect(await newcomer.rows()).toEqual(before);
		expect(store.kept).toHaveLength(1);
	});

	test('whose database agrees with the head, if in another form, leads at once', async () => {
		const { repository, store } = await ledFleet();
		const twin = await fleetMember({ mode: 'BACKUP', repository });
		twin.edit("UPDATE maintenance SET last_start_date = '2026-11-24 00:00:00'");
		twin.edit("INSERT INTO setting (key, value) VALUES ('serverTimezone', '\"Asia/Kathmandu\"')");

		const same = await twin.cycle();
		twin.edit("UPDATE monitor SET name = 'Renamed' WHERE id = 4");
		const published = await twin.cycle();

		expect(same.outcome).toBe('unchanged');
		expect(published.outcome).toBe('published');
		expect(store.kept.at(-1)?.snapshot).toMatchObject({ generation: 2 });
	});
});

describe('a second leader', () => {
	async function withSecondLeader() {
		const fleet = await ledFleet();
		const second = await fleetMember({ mode: 'BACKUP', repository: fleet.repository });
		second.edit('DELETE FROM monitor WHERE id > 8');
		return { ...fleet, second };
	}

	test('stands down, cycle after cycle and after a restart, and keeps one copy of the head', async () => {
		const { second, leader, store } = await withSecondLeader();

		const first = await second.cycle();
		leader.edit("UPDATE monitor SET name = 'Blog 2' WHERE id = 4");
		await leader.cycle();
		const again = await second.cycle();
		await second.restart();
		const restarted = await second.cycle();

		expect([first, again, restarted].map(({ outcome }) => outcome)).toEqual(Array(3).fill('stood-down'));
		expect(store.kept.map(({ snapshot }) => snapshot.generation)).toEqual([1, 2]);
		expect(await second.instance.snapshots.load(store.kept[0]?.snapshot.digest ?? '')).toBeNull();
	});

	test('overrules the head when it is told to take over, and the first leader stands down at its next edit', async () => {
		const { second, leader, store } = await withSecondLeader();

		const taken = await second.backup({ takesOver: true });

		const head = findHead(store.kept.map(({ snapshot }) => snapshot)).head;
		expect(taken.outcome).toBe('published');
		expect(head).toMatchObject({
			generation: 2,
			parentId: leader.state.position?.id,
			instanceId: second.state.instanceId,
			allowsDeletes: false,
		});
		expect((await second.cycle()).outcome).toBe('unchanged');
		leader.edit("UPDATE monitor SET name = 'Blog of the first leader' WHERE id = 4");
		expect((await leader.cycle()).summary).toContain(OTHER_LEADER);
	});

	test('does not overrule the head with the order to allow deletes alone', async () => {
		const { second, store } = await withSecondLeader();

		const report = await second.backup({ allowsDeletes: true });

		expect(report.summary).toContain(OTHER_LEADER);
		expect(store.kept).toHaveLength(1);
	});

	test('that takes over does not confirm that replicas delete most of their monitors', async () => {
		const { second, repository } = await withSecondLeader();
		const replica = await fleetMember({ mode: 'RESTORE', repository });
		await replica.cycle();

		await second.backup({ takesOver: true });
		const held = await replica.cycle();
		await second.backup({ allowsDeletes: true });
		const applied = await replica.cycle();

		expect(held).toMatchObject({ outcome: 'held', needsDecision: true });
		expect(applied.outcome).toBe('applied');
		expect(await replica.table('monitor')).toHaveLength(8);
	});
});

describe('a replica that is made the leader', () => {
	test('goes on with the lineage, and the old leader can follow', async () => {
		const { repository, leader, store } = await ledFleet();
		const replica = await fleetMember({ mode: 'RESTORE', repository, isEmpty: true });
		await replica.cycle();

		await replica.restart({ mode: 'BACKUP' });
		const promoted = await replica.cycle();
		replica.edit("UPDATE monitor SET name = 'Edited on the new leader' WHERE id = 4");
		const published = await replica.cycle();
		await leader.restart({ mode: 'RESTORE' });
		const followed = await leader.cycle();

		expect(promoted.outcome).toBe('unchanged');
		expect(published.outcome).toBe('published');
		expect(store.kept.map(({ snapshot }) => snapshot.generation)).toEqual([1, 2]);
		expect(store.kept[1]?.snapshot.parentId).toBe(store.kept[0]?.snapshot.id);
		expect(followed.outcome).toBe('applied');
		expect(await leader.rows()).toEqual(await replica.rows());
		expect((await leader.restore()).outcome).toBe('unchanged');
	});

	test('stands down when it has missed the newest snapshot, and leads after a restore', async () => {
		const { repository, leader } = await ledFleet();
		const replica = await fleetMember({ mode: 'RESTORE', repository, isEmpty: true });
		await replica.cycle();
		leader.edit("UPDATE monitor SET name = 'Not seen by the replica' WHERE id = 4");
		await leader.cycle();

		await replica.restart({ mode: 'BACKUP' });
		const behind = await replica.cycle();
		const restored = await replica.restore();
		const leading = await replica.cycle();

		expect(behind.summary).toContain(OTHER_LEADER);
		expect(restored.outcome).toBe('applied');
		expect(leading.outcome).toBe('unchanged');
	});
});

describe('an instance that holds rows back', () => {
	/** Its Kuma does not know two types of monitors that the leader has. */
	async function promotedWithHeldRows() {
		const fleet = await ledFleet();
		const monitorTypes = new Set(
			(await fleet.leader.table('monitor')).map(({ type }) => String(type)).filter((type) => type !== 'mqtt'),
		);
		monitorTypes.delete('grpc-keyword');
		const old = await fleetMember({
			mode: 'RESTORE',
			repository: fleet.repository,
			isEmpty: true,
			kuma: { version: '2.0.2', monitorTypes, migrations: null },
		});
		await old.cycle();
		await old.restart({ mode: 'BACKUP' });
		return { ...fleet, old };
	}

	test('does not lead', async () => {
		const { old, store } = await promotedWithHeldRows();

		const report = await old.cycle();
		const forced = await old.backup({ takesOver: true, allowsDeletes: true });

		expect(report).toMatchObject({ outcome: 'stood-down', needsDecision: true });
		expect(report.heldRows.map(({ table, key }) => `${table}/${key}`)).toEqual(['monitor/17', 'monitor/18']);
		expect(forced.outcome).toBe('stood-down');
		expect(store.kept).toHaveLength(1);
	});

	test('leads when every one of them is given up by name', async () => {
		const { old, store } = await promotedWithHeldRows();

		const one = await old.backup({ dropsHeld: ['monitor/17'] });
		await old.restart();
		const both = await old.backup({ dropsHeld: ['monitor/18'] });

		expect(one).toMatchObject({ outcome: 'stood-down' });
		expect(one.heldRows.map(({ key }) => key)).toEqual(['18']);
		expect(both.outcome).toBe('published');
		expect(store.kept).toHaveLength(2);
	});

	test('refuses to give up a row that is not held, and then gives up none', async () => {
		const { old } = await promotedWithHeldRows();

		const refused = old.backup({ dropsHeld: ['monitor/17', 'monitor/1'] });

		await expect(refused).rejects.toMatchObject({
			code: 'refused',
			hint: expect.stringContaining('monitor/18'),
		});
		await expect(refused).rejects.toThrow('monitor/1.');
		expect(old.state.heldRows).toHaveLength(2);
	});

	test('leads once its Kuma was upgraded and the head was applied again', async () => {
		const { old } = await promotedWithHeldRows();
		await old.restart({ kuma: { version: '2.3.2', monitorTypes: null, migrations: null } });

		const restored = await old.restore();
		const leading = await old.cycle();

		expect(restored.outcome).toBe('applied');
		expect(old.state.heldRows).toEqual([]);
		expect(leading.outcome).toBe('unchanged');
	});
});

test('a leader does not lose against a twin of what it published itself', async () => {
	const { repository } = await ledFleet();
	const leader = await fleetMember({
		mode: 'BACKUP',
		repository: {
			...delegateRepository(repository),
			// As restic does when it is asked twice.
			publish: async (publication) => {
				await repository.publish(publication);
				return repository.publish(publication);
			},
		},
	});
	leader.edit("UPDATE monitor SET name = 'Twice' WHERE id = 4");

	const published = await leader.backup({ takesOver: true, allowsDeletes: false, dropsHeld: [] });

	const { head, forks } = findHead(await repository.list());
	expect(published).toMatchObject({ outcome: 'published', snapshotId: head?.id });
	expect(forks).toHaveLength(1);
	expect(leader.state.position?.id).toBe(head?.id);
	expect(leader.state.intent).toBeNull();
	expect(await leader.cycle()).toMatchObject({ outcome: 'unchanged' });
});
