import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ReplicatorMode } from '../../src/model/role.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { applySnapshot } from '../../src/replica/apply-snapshot.ts';
import { readTree } from '../../src/snapshot/read-tree.ts';
import { delegateRepository } from '../kit/delegate-repository.ts';
import { type FleetMember, fleetMember, type MemberOptions } from '../kit/fleet-member.ts';
import { memoryRepository, memoryStore, type RepositoryCall } from '../kit/memory-repository.ts';
import { createdRepository } from '../kit/restic.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const NASTY = 'nasty-2.5.3.sqlite.db.gz';

/** A leader that has published, and a replica that has applied it. */
async function pair(options: Partial<MemberOptions> & { readonly leaderFixture?: string } = {}) {
	const { leaderFixture, ...replicaOptions } = options;
	const store = memoryStore();
	const calls: RepositoryCall[] = [];
	const leader = await fleetMember({
		mode: 'BACKUP',
		repository: memoryRepository({ store }),
		...(leaderFixture === undefined ? {} : { fixture: leaderFixture }),
	});
	await leader.cycle();
	const replica = await fleetMember({
		mode: 'RESTORE',
		repository: memoryRepository({ store, before: (call) => void calls.push(call) }),
		isEmpty: true,
		...replicaOptions,
	});
	const first = await replica.cycle();
	expect(first.outcome).toBe('applied');
	return { store, leader, replica, calls };
}

describe.each(['RESTORE', 'RESTORE_LOCAL_ENTITY_REPLICATION'] as const)('in mode %s', (mode) => {
	test.each(['plain-2.3.2.sqlite.db.gz', NASTY])(
		'every plan is empty when nothing changed: %s',
		async (fixture) => {
			const { leader, replica, store, calls } = await pair({ mode, fixture, leaderFixture: fixture });
			calls.length = 0;

			const led = await leader.cycle();
			const followed = await replica.cycle();
			const callsOfACycle = [...calls];
			await leader.restart();
			await replica.restart();
			const restarted = [await leader.cycle(), await replica.cycle()];
			const asked = await replica.restore();

			expect(led.outcome).toBe('unchanged');
			expect(followed.outcome).toBe('up-to-date');
			expect(callsOfACycle).toEqual(['list']);
			expect(restarted).toMatchObject([
				{ outcome: 'unchanged', details: [] },
				{ outcome: 'unchanged', details: [] },
			]);
			expect(asked).toMatchObject({ outcome: 'unchanged', details: [] });
			expect(calls.filter((call) => call === 'fetch')).toEqual([]);
			expect(store.kept).toHaveLength(1);
		},
	);
});

test('a replica that is told to publish refuses, and says how to become the leader', async () => {
	const { replica, store, calls } = await pair();
	replica.edit("UPDATE monitor SET name = 'edited here' WHERE id = 1");
	calls.length = 0;

	await expect(replica.backup({ takesOver: true })).rejects.toMatchObject({
		code: 'refused',
		hint: expect.stringContaining('REPLICATOR_MODE=BACKUP'),
	});

	expect(calls).toEqual([]);
	expect(store.kept).toHaveLength(1);
});

describe('an edit made on a replica', () => {
	const EDIT = `
		UPDATE monitor SET name = 'Edited here', active = 0 WHERE id = 4;
		DELETE FROM monitor_tag;
		INSERT INTO tag (id, name, color) VALUES (900, 'added here', '#fff');
	`;

	test('stays until there is a reason to plan, and is gone after a restart', async () => {
		const { leader, replica } = await pair();
		replica.edit(EDIT);

		const quiet = await replica.cycle();
		const edited = await replica.table('tag');
		await replica.restart();
		const restarted = await replica.cycle();

		expect(quiet.outcome).toBe('up-to-date');
		expect(edited.map(({ id }) => id)).toContain(900);
		expect(restarted.outcome).toBe('applied');
		expect(await replica.rows()).toEqual(await leader.rows());
	});

	test('is gone after a start at which the repository could not be reached at first', async () => {
		const { leader, replica, store } = await pair();
		replica.edit(EDIT);
		let isDown = true;
		const repository = memoryRepository({
			store,
			before: () => {
				if (isDown) throw new Error('no route');
			},
		});
		await replica.restart({ repository });

		await expect(replica.cycle()).rejects.toThrow('no route');
		isDown = false;
		const reached = await replica.cycle();

		expect(reached.outcome).toBe('applied');
		expect(await replica.rows()).toEqual(await leader.rows());
	});

	test.each([
		['another version of Kuma', { kuma: { version: '2.5.3', monitorTypes: null, migrations: null } }],
		['another mode', { mode: 'RESTORE_LOCAL_ENTITY_REPLICATION' }],
	] as const)('is gone after the start with %s', async (_what, changes) => {
		const { leader, replica } = await pair();
		replica.edit(EDIT);

		await replica.restart(changes);
		const report = await replica.cycle();

		expect(report.outcome).toBe('applied');
		expect(await replica.rows()).toEqual(await leader.rows());
	});

	test('of a former leader is gone when it becomes a replica', async () => {
		const { leader, replica } = await pair();
		leader.edit("UPDATE monitor SET name = 'Never published' WHERE id = 4");

		await leader.restart({ mode: 'RESTORE' });
		const report = await leader.cycle();

		expect(report.outcome).toBe('applied');
		expect(await leader.rows()).toEqual(await replica.rows());
	});
});

test('a row that was set aside is applied when its replica was upgraded, without a new snapshot', async () => {
	const monitorTypes = new Set(['http', 'group']);
	const { leader, replica } = await pair({ kuma: { version: '2.0.2', monitorTypes, migrations: null } });
	const heldBefore = replica.state.heldRows.length;

	await replica.restart({ kuma: { version: '2.3.2', monitorTypes: null, migrations: null } });
	const report = await replica.cycle();

	expect(heldBefore).toBeGreaterThan(5);
	expect(report).toMatchObject({ outcome: 'applied', heldRows: [] });
	expect(replica.state.heldRows).toEqual([]);
	expect(await replica.rows()).toEqual(await leader.rows());
});

describe('an instance with monitors of its own that is made a replica', () => {
	async function newcomer(mode: ReplicatorMode = 'RESTORE') {
		const store = memoryStore();
		const repository = memoryRepository({ store });
		const leader = await fleetMember({ mode: 'BACKUP', repository });
		await leader.cycle();
		const replica = await fleetMember({ mode, repository, fixture: NASTY });
		return { leader, replica, before: await replica.rows() };
	}

	test('is held and left whole, however often it looks', async () => {
		const { leader, replica, before } = await newcomer();

		const first = await replica.cycle();
		leader.edit('UPDATE monitor SET active = 0 WHERE id = 4');
		await leader.cycle();
		await replica.restart();
		const again = await replica.cycle();
		const asked = await replica.restore();
		await leader.backup({ allowsDeletes: true });
		const marked = await replica.cycle();

		for (const report of [first, again, asked, marked]) {
			expect(report).toMatchObject({ outcome: 'held', needsDecision: true });
			expect(report.summary).toContain('monitors of its own');
		}
		expect(await replica.rows()).toEqual(before);
		expect(replica.state.position).toBeNull();
		expect(await readdir(replica.paths.appliedDirectory)).toHaveLength(1);
	});

	test('gives way when that is confirmed, and what it had can be imported again', async () => {
		const { leader, replica, before } = await newcomer();

		const applied = await replica.restore({ allowsDeletes: true });
		const afterwards = await replica.rows();
		await importExport(replica);

		expect(applied.outcome).toBe('applied');
		expect(namesOf(afterwards.get('monitor'))).toEqual(namesOf(await leader.table('monitor')));
		expect(withoutVolatile(await replica.rows())).toEqual(withoutVolatile(before));
	});

	test('is followed at once when the fleet has every one of its monitors', async () => {
		const store = memoryStore();
		const repository = memoryRepository({ store });
		const leader = await fleetMember({ mode: 'BACKUP', repository });
		leader.edit("INSERT INTO monitor (id, name, type, user_id) VALUES (50, 'New', 'http', 1)");
		await leader.cycle();
		const replica = await fleetMember({ mode: 'RESTORE', repository });

		const report = await replica.cycle();

		expect(report.outcome).toBe('applied');
		expect(await replica.rows()).toEqual(await leader.rows());
	});
});

/** As "import" does it with the one export that was kept. */
async function importExport(replica: FleetMember): Promise<void> {
	const [name, ...others] = await readdir(replica.paths.exportsDirectory);
	expect(others).toEqual([]);
	const directory = join(replica.paths.exportsDirectory, name ?? '');
	const snapshot = await readTree({ directory, where: directory });
	const opened = await replica.instance.openDatabase();
	if (opened.outcome !== 'opened') throw new Error(opened.reason);
	const imported = await applySnapshot({
		instance: replica.instance,
		database: opened.database,
		reload: NO_RELOAD,
		snapshot,
		previous: null,
		isFirstApply: true,
		guard: 'off',
		allowsDeletes: true,
		keepsLocalEntities: false,
	});
	await opened.database.close();
	expect(imported).toMatchObject({ outcome: 'applied', plan: { heldRows: [] } });
}

/** What only a running Kuma writes is in no snapshot, and gone with the rows that had it. */
function withoutVolatile(rows: Awaited<ReturnType<FleetMember['rows']>>) {
	const volatile = ['dns_last_result', 'twofa_last_token', 'last_start_date'];
	return [...rows].map(([table, found]) => [
		table,
		found.map((row) =>
			Object.fromEntries(Object.entries(row).filter(([column]) => !volatile.includes(column))),
		),
	]);
}

describe('a snapshot that deletes much', () => {
	const MANY = 'DELETE FROM monitor WHERE id BETWEEN 9 AND 20';

	test('is held, and the replica is left as it was', async () => {
		const { leader, replica } = await pair();
		const before = await replica.rows();
		const position = replica.state.position;
		leader.edit(MANY);
		await leader.cycle();

		const held = await replica.cycle();
		await replica.restart();
		const again = await replica.cycle();

		for (const report of [held, again]) {
			expect(report).toMatchObject({ outcome: 'held', needsDecision: true });
			expect(report.summary).toContain('12 of 20 monitors');
		}
		expect(await replica.rows()).toEqual(before);
		expect(replica.state.position).toEqual(position);
	});

	test('is applied by the replica on which it was confirmed, and by no other', async () => {
		const { leader, replica, store } = await pair();
		const repository = memoryRepository({ store });
		const other = await fleetMember({ mode: 'RESTORE', repository, isEmpty: true });
		await other.cycle();
		leader.edit(MANY);
		await leader.cycle();

		const confirmed = await replica.restore({ allowsDeletes: true });
		const held = await other.cycle();

		expect(confirmed.outcome).toBe('applied');
		expect(await replica.rows()).toEqual(await leader.rows());
		expect(await readdir(replica.paths.exportsDirectory)).toHaveLength(1);
		expect(held.outcome).toBe('held');
	});

	test('is applied when the leader confirms it with a marked child of the same content', async () => {
		const { leader, replica, store } = await pair();
		leader.edit(MANY);
		await leader.cycle();
		const held = await replica.cycle();

		const marked = await leader.backup({ allowsDeletes: true });
		const applied = await replica.cycle();
		const quiet = await leader.cycle();

		const [, second, third] = store.kept.map(({ snapshot }) => snapshot);
		expect(held.outcome).toBe('held');
		expect(marked.outcome).toBe('published');
		expect(third).toMatchObject({ parentId: second?.id, digest: second?.digest, allowsDeletes: true });
		expect(applied.outcome).toBe('applied');
		expect(await replica.rows()).toEqual(await leader.rows());
		expect(quiet.outcome).toBe('unchanged');
	});

	test('is applied under a newer head when that deletes nothing more', async () => {
		const { leader, replica } = await pair();
		leader.edit(MANY);
		await leader.backup({ allowsDeletes: true });
		leader.edit("UPDATE monitor SET name = 'Renamed later' WHERE id = 4");
		await leader.cycle();

		const report = await replica.cycle();

		expect(report.outcome).toBe('applied');
		expect(await replica.rows()).toEqual(await leader.rows());
	});

	test('is held under a newer head that deletes much that was never confirmed', async () => {
		const { leader, replica } = await pair({ env: { REPLICATOR_GUARD_MONITORS: '30%,6' } });
		const before = await replica.rows();
		leader.edit(MANY);
		await leader.backup({ allowsDeletes: true });
		leader.edit('DELETE FROM monitor WHERE id BETWEEN 2 AND 7');
		await leader.cycle();

		const report = await replica.cycle();

		expect(report.outcome).toBe('held');
		expect(report.summary).toContain('6 of 20 monitors');
		expect(await replica.rows()).toEqual(before);
	});

	test('is held when the mark is older than what the replica has applied', async () => {
		const { leader, replica } = await pair();
		leader.edit(MANY);
		await leader.backup({ allowsDeletes: true });
		await replica.cycle();
		const added = Array.from({ length: 12 }, (_, index) => `(${index + 9}, 'New ${index}', 'http', 1)`);
		leader.edit(`INSERT INTO monitor (id, name, type, user_id) VALUES ${added.join()}`);
		await leader.cycle();
		const followed = await replica.cycle();
		leader.edit(MANY);
		await leader.cycle();

		const held = await replica.cycle();

		expect(followed.outcome).toBe('applied');
		expect(held.outcome).toBe('held');
		expect(await replica.table('monitor')).toHaveLength(20);
	});

	test('is held when it would replace every user, even with the guard switched off', async () => {
		const { leader, replica } = await pair({ env: { REPLICATOR_GUARD_MONITORS: 'off' } });
		const users = await replica.table('user');
		leader.edit(`
			INSERT INTO user (id, username, password, active) VALUES (2, 'somebody-else', 'x', 1);
			DELETE FROM user WHERE id = 1;
		`);
		await leader.cycle();

		const held = await replica.cycle();
		const usersWhileHeld = await replica.table('user');
		await leader.backup({ allowsDeletes: true });
		const confirmed = await replica.cycle();

		expect(held.outcome).toBe('held');
		expect(held.summary).toContain('all 1 users');
		expect(usersWhileHeld).toEqual(users);
		expect(confirmed.outcome).toBe('applied');
		expect((await replica.table('user')).map(({ id }) => id)).toEqual([2]);
	});
});

describe('a snapshot that is pruned while a replica reads it', () => {
	test('makes it read the list again and apply the new head', async () => {
		const store = memoryStore();
		const leader = await fleetMember({ mode: 'BACKUP', repository: memoryRepository({ store }) });
		await leader.cycle();
		const calls: RepositoryCall[] = [];
		const repository = memoryRepository({
			store,
			before: async (call) => {
				calls.push(call);
				if (calls.filter((made) => made === 'fetch').length === 1 && call === 'fetch') await overtake();
			},
		});
		const overtake = async () => {
			leader.edit("UPDATE monitor SET name = 'Published meanwhile' WHERE id = 4");
			await leader.cycle();
			store.kept = store.kept.slice(-1);
		};
		const replica = await fleetMember({ mode: 'RESTORE', repository, isEmpty: true });

		const report = await replica.cycle();

		expect(report.outcome).toBe('applied');
		expect(calls).toEqual(['list', 'fetch', 'list', 'fetch']);
		expect(await replica.rows()).toEqual(await leader.rows());
	});

	test('makes it do the same with a real repository', { timeout: 180_000 }, async () => {
		const location = await temporaryDirectory('repository');
		const cacheDirectory = await temporaryDirectory('restic-cache');
		const { repository, restic } = await createdRepository({ location, cacheDirectory });
		const leader = await fleetMember({ mode: 'BACKUP', repository });
		await leader.cycle();
		let fetches = 0;
		const overtaken = {
			...delegateRepository(repository),
			fetch: async (request: { id: string; directory: string }) => {
				fetches += 1;
				if (fetches === 1) {
					leader.edit("UPDATE monitor SET name = 'Published meanwhile' WHERE id = 4");
					await leader.cycle();
					await restic('forget', '--keep-last', '1', '--group-by', '', '--prune');
				}
				return repository.fetch(request);
			},
		};
		const replica = await fleetMember({ mode: 'RESTORE', repository: overtaken, isEmpty: true });

		const report = await replica.cycle();

		expect(report.outcome).toBe('applied');
		expect(fetches).toBe(2);
		expect(await replica.rows()).toEqual(await leader.rows());
	});
});

/** The two databases are of different versions, with different columns. */
function namesOf(rows: Awaited<ReturnType<FleetMember['table']>> = []) {
	return rows.map(({ id, name, type }) => ({ id, name, type }));
}
