import { readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { Log } from '../../src/model/log.ts';
import { findDifferences } from '../kit/find-differences.ts';
import { readTruth } from '../kit/fixtures.ts';
import { type FleetMember, fleetMember, type MemberOptions } from '../kit/fleet-member.ts';
import { keepLegacy } from '../kit/keep-legacy.ts';
import { legacyTree } from '../kit/legacy-export.ts';
import { memoryRepository, memoryStore, type RepositoryCall } from '../kit/memory-repository.ts';
import { SILENT_LOG } from '../kit/test-instance.ts';

/** A repository in memory, an original leader that publishes into it, and whatever of ours looks at it. */
async function makePlace() {
	const store = memoryStore();
	const calls: RepositoryCall[] = [];
	const open = (fleet?: string) =>
		memoryRepository({
			store,
			before: (call) => void calls.push(call),
			...(fleet === undefined ? {} : { fleet }),
		});
	const original = await fleetMember({ mode: 'BACKUP', repository: memoryRepository() });
	return {
		store,
		calls,
		original,
		open,
		publishOriginal: async () => keepLegacy(store, legacyTree(await original.rows())),
		join: (options: Partial<MemberOptions> & Pick<MemberOptions, 'mode'>) =>
			fleetMember({ repository: open(), ...options }),
	};
}

async function monitorName(member: FleetMember, id = 4): Promise<unknown> {
	return (await member.table('monitor')).find((row) => row.id === id)?.name;
}

function keptSnapshots(member: FleetMember): Promise<string[]> {
	return readdir(member.paths.appliedDirectory);
}

/** The original loses Docker hosts, without which a monitor does not run; where that is not the point, there is none. */
const NO_DOCKER = 'DELETE FROM monitor WHERE docker_host IS NOT NULL';
const RENAME = "UPDATE monitor SET name = 'Renamed by the original' WHERE id = 4";

describe('a replica that finds only snapshots of the original', () => {
	test('follows one after the other, and remembers each as a place before every generation', async () => {
		const { original, publishOriginal, join } = await makePlace();
		await publishOriginal();
		const replica = await join({ mode: 'RESTORE', isEmpty: true });
		await replica.cycle();

		original.edit(RENAME);
		const newest = await publishOriginal();
		const report = await replica.cycle();

		expect(report).toMatchObject({
			outcome: 'applied',
			snapshotId: newest.id,
			details: ['~ monitor "Renamed by the original" (id 4): name "Blog" → "Renamed by the original"'],
		});
		expect(replica.state.position).toMatchObject({ id: newest.id, generation: 0 });
		expect(await keptSnapshots(replica)).toEqual([replica.state.position?.digest]);
	});

	test('has nothing to do when the same content is published again', async () => {
		const { calls, original, publishOriginal, join } = await makePlace();
		original.edit(NO_DOCKER);
		await publishOriginal();
		const replica = await join({ mode: 'RESTORE', isEmpty: true });
		await replica.cycle();
		const again = await publishOriginal();

		const report = await replica.cycle();
		calls.length = 0;
		const idle = await replica.cycle();

		expect([report.outcome, idle.outcome]).toEqual(['up-to-date', 'up-to-date']);
		expect(replica.state.position?.id).toBe(again.id);
		expect(calls).toEqual(['list']);
	});

	test('undoes edits made on it when it starts, from what it keeps', async () => {
		const { calls, publishOriginal, join } = await makePlace();
		await publishOriginal();
		const replica = await join({ mode: 'RESTORE', isEmpty: true });
		await replica.cycle();
		const name = await monitorName(replica);
		replica.edit("UPDATE monitor SET name = 'Edited here' WHERE id = 4");
		calls.length = 0;

		await replica.restart();
		const report = await replica.cycle();

		expect(report.outcome).toBe('applied');
		expect(await monitorName(replica)).toBe(name);
		expect(calls).toEqual(['list']);
	});

	test('says once what these snapshots have lost', async () => {
		const warnings: [string, unknown][] = [];
		const log: Log = { ...SILENT_LOG, warning: (message, fields) => void warnings.push([message, fields]) };
		const { original, publishOriginal, join } = await makePlace();
		await publishOriginal();
		const replica = await join({ mode: 'RESTORE', isEmpty: true, log });
		await replica.cycle();
		await replica.restart();
		original.edit(RENAME);
		await publishOriginal();
		await replica.cycle();

		expect(warnings).toEqual([
			[
				expect.stringContaining('Following the original Replicator Kuma'),
				expect.objectContaining({ lost: expect.arrayContaining(['Docker hosts']), leader: 'an-original' }),
			],
		]);
	});

	test('is not emptied by being switched over: what it has of its own is held', async () => {
		const { calls, publishOriginal, join } = await makePlace();
		await publishOriginal();
		const replica = await join({ mode: 'RESTORE' });
		replica.edit(
			"INSERT INTO monitor (id, name, type, user_id, created_date) VALUES (900, 'Its own', 'http', 1, '2020-01-01 00:00:00')",
		);

		const held = await replica.cycle();
		calls.length = 0;
		const heldStill = await replica.cycle();
		const callsWhileHeld = [...calls];
		const confirmed = await replica.restore({ allowsDeletes: true });

		expect([held, heldStill]).toMatchObject([
			{ outcome: 'held', trouble: 'held/foreign-monitors' },
			{ outcome: 'held' },
		]);
		expect(callsWhileHeld).toEqual(['list']);
		expect(confirmed.outcome).toBe('applied');
		expect(await monitorName(replica, 900)).toBeUndefined();
		expect(await readdir(replica.paths.exportsDirectory)).toHaveLength(1);
	});

	test('takes an original replica over without an insert or a delete', async () => {
		const { publishOriginal, join } = await makePlace();
		await publishOriginal();
		const replica = await join({ mode: 'RESTORE' });
		// As the original leaves it, which imports with foreign keys off.
		replica.edit('PRAGMA foreign_keys = OFF; DELETE FROM docker_host; DELETE FROM status_page_cname');

		const report = await replica.cycle();

		expect(report.details).toEqual([
			expect.stringMatching(/^~ monitor ".*" \(id 15\): active 1 → 0, docker_host \*\*\*$/),
			// Its database has never had the setting, as the original replicates none.
			'~ setting apiKeysEnabled: not set → true',
		]);
		expect(report.heldRows).toMatchObject([{ table: 'monitor', key: '15', how: 'paused' }]);
		expect(replica.state.position).toMatchObject({ generation: 0 });
	});

	test('keeps what it has when a snapshot is broken, says so, and goes on with the next good one', async () => {
		const { store, original, publishOriginal, join } = await makePlace();
		await publishOriginal();
		const replica = await join({ mode: 'RESTORE', isEmpty: true });
		await replica.cycle();
		const before = await replica.rows();
		const { position } = replica.state;
		original.edit(RENAME);
		const tree = legacyTree(await original.rows());
		const cut = (tree['sqlite_exports/monitor.csv'] ?? '').slice(0, -20);
		keepLegacy(store, { ...tree, 'sqlite_exports/monitor.csv': cut });

		await expect(replica.cycle()).rejects.toMatchObject({
			code: 'snapshot-corrupt',
			message: expect.stringMatching(
				/sqlite_exports\/monitor\.csv: it ends within a row\. Nothing of it was applied/,
			),
		});
		const after = await replica.rows();
		const positionAfter = replica.state.position;
		await publishOriginal();
		const healed = await replica.cycle();

		expect(after).toEqual(before);
		expect(positionAfter).toEqual(position);
		expect(await readdir(replica.paths.root)).not.toContainEqual(expect.stringMatching(/^tmp-/));
		expect(healed.outcome).toBe('applied');
		expect(await monitorName(replica)).toBe('Renamed by the original');
	});

	test('is of the default fleet: any other fleet is a new one', async () => {
		const { publishOriginal, open, join } = await makePlace();
		await publishOriginal();
		const replica = await join({ mode: 'RESTORE', isEmpty: true, repository: open('another') });

		expect((await replica.cycle()).outcome).toBe('nothing-published');
		expect(await replica.table('monitor')).toEqual([]);
	});

	test('keeps its own local entities, in the mode for that', async () => {
		const { publishOriginal, join } = await makePlace();
		await publishOriginal();
		const replica = await join({ mode: 'RESTORE_LOCAL_ENTITY_REPLICATION' });
		replica.edit(
			"UPDATE proxy SET host = 'a proxy of its own'; UPDATE remote_browser SET url = 'ws://its.own'",
		);

		await replica.cycle();

		expect((await replica.table('proxy')).map(({ host }) => host)).toEqual(
			expect.arrayContaining(['a proxy of its own', 'a proxy of its own']),
		);
		expect((await replica.table('remote_browser')).map(({ url }) => url)).toEqual(['ws://its.own']);
	});
});

test('every nasty value arrives but for the text "null" where NULL is allowed', async () => {
	const store = memoryStore();
	const fixture = 'nasty-2.5.3.sqlite.db.gz';
	const truth = await readTruth('nasty-2.5.3.rows.json.gz');
	keepLegacy(store, legacyTree(truth));
	const original = await fleetMember({ mode: 'BACKUP', repository: memoryRepository(), fixture });
	const replica = await fleetMember({
		mode: 'RESTORE',
		repository: memoryRepository({ store }),
		fixture,
		isEmpty: true,
	});

	const applied = await replica.cycle();
	const asked = await replica.restore();

	const differences = await findDifferences({
		leader: original.dataDirectory,
		replica: replica.dataDirectory,
		heldRows: replica.state.heldRows,
	});
	const isLoss = (difference: string) =>
		difference.endsWith(': "null" ≠ NULL') ||
		/^(?:docker_host|status_page_cname)\//.test(difference) ||
		/^monitor\/\d+ docker_host: 7 ≠ NULL$/.test(difference);
	expect(applied.outcome).toBe('applied');
	expect(differences.filter((difference) => !isLoss(difference))).toEqual([]);
	expect(differences).toContain('monitor/100 description: "null" ≠ NULL');
	expect(replica.state.heldRows.map(({ reason }) => reason)).toEqual([
		'its Docker host 7 is not there',
		'its Docker host 7 is not there',
	]);
	expect(asked).toMatchObject({ outcome: 'unchanged', details: [] });
});

describe('a leader', () => {
	test('that has something begins the lineage with it, whatever the original has published', async () => {
		const { store, original, publishOriginal, join } = await makePlace();
		original.edit(RENAME);
		await publishOriginal();
		const leader = await join({ mode: 'BACKUP' });
		const name = await monitorName(leader);

		const report = await leader.cycle();

		expect(report.outcome).toBe('published');
		expect(store.kept.map(({ snapshot }) => snapshot)).toMatchObject([{ generation: 1, parentId: null }]);
		expect(await monitorName(leader)).toBe(name);
	});

	test('that is empty takes the newest snapshot first, and leads when nothing of it is missing', async () => {
		const { store, original, publishOriginal, join } = await makePlace();
		original.edit(NO_DOCKER);
		await publishOriginal();
		original.edit(RENAME);
		await publishOriginal();
		const leader = await join({ mode: 'BACKUP', isEmpty: true });

		const restored = await leader.cycle();
		const publishedMeanwhile = store.kept.length;
		const led = await leader.cycle();

		expect(restored).toMatchObject({
			outcome: 'applied',
			summary: expect.stringMatching(
				/^This instance was new and took over what the fleet had\..*of the original/,
			),
		});
		expect(publishedMeanwhile).toBe(0);
		expect(await monitorName(leader)).toBe('Renamed by the original');
		expect(led.outcome).toBe('published');
		expect(store.kept.map(({ snapshot }) => snapshot)).toMatchObject([{ generation: 1, parentId: null }]);
	});

	test('that is empty does not lead with monitors whose Docker hosts are lost, until a person has seen to them', async () => {
		const { store, publishOriginal, join } = await makePlace();
		await publishOriginal();
		const leader = await join({ mode: 'BACKUP', isEmpty: true });
		await leader.cycle();

		const waiting = await leader.cycle();
		const publishedMeanwhile = store.kept.length;
		leader.edit(`
			INSERT INTO docker_host (id, user_id, name) VALUES (7, 1, 'made again');
			UPDATE monitor SET docker_host = 7, active = 1 WHERE id = 15;
		`);
		const led = await leader.backup({ dropsHeld: ['monitor/15'] });
		const replica = await join({ mode: 'RESTORE', isEmpty: true });
		await replica.cycle();

		expect(waiting).toMatchObject({
			outcome: 'stood-down',
			trouble: 'stood-down/held-rows',
			heldRows: [{ table: 'monitor', key: '15', how: 'paused' }],
		});
		expect(publishedMeanwhile).toBe(0);
		expect(led.outcome).toBe('published');
		expect((await replica.table('monitor')).find(({ id }) => id === 15)).toMatchObject({
			active: 1,
			docker_host: 7,
		});
	});

	test('that was a replica of the original runs its push monitors again before it publishes them', async () => {
		const { store, original, publishOriginal, join } = await makePlace();
		original.edit(
			"DELETE FROM monitor WHERE docker_host IS NOT NULL; UPDATE monitor SET type = 'push' WHERE id = 4",
		);
		await publishOriginal();
		const env = { REPLICATOR_PUSH_MONITORS: 'pause' };
		const member = await join({ mode: 'RESTORE', isEmpty: true, env });
		await member.cycle();
		const paused = (await member.table('monitor')).find(({ id }) => id === 4)?.active;

		await member.restart({ mode: 'BACKUP' });
		const led = await member.cycle();

		expect(paused).toBe(0);
		expect(led.outcome).toBe('published');
		expect(store.kept).toHaveLength(1);
		expect((await member.table('monitor')).find(({ id }) => id === 4)?.active).toBe(1);
	});
});

test('an original leader that goes on publishing behind a new one is not listened to, nor forgotten', async () => {
	const { store, calls, original, publishOriginal, join } = await makePlace();
	await publishOriginal();
	const leader = await join({ mode: 'BACKUP' });
	await leader.cycle();
	const replica = await join({ mode: 'RESTORE', isEmpty: true });
	await replica.cycle();
	original.edit(RENAME);
	await publishOriginal();
	calls.length = 0;

	const followed = await replica.cycle();
	await replica.restart();
	const restarted = await replica.cycle();

	expect(followed.outcome).toBe('up-to-date');
	expect(restarted).toMatchObject({ outcome: 'unchanged', details: [] });
	expect(calls).toEqual(['list', 'list']);
	expect(await monitorName(replica)).not.toBe('Renamed by the original');
	expect(store.legacy).toHaveLength(2);
});

test('a replica that has once followed a new leader never goes back to the original', async () => {
	const { store, publishOriginal, original, join } = await makePlace();
	await publishOriginal();
	const leader = await join({ mode: 'BACKUP' });
	await leader.cycle();
	const replica = await join({ mode: 'RESTORE', isEmpty: true });
	await replica.cycle();
	original.edit(RENAME);
	await publishOriginal();
	store.kept = [];

	const report = await replica.cycle();
	await replica.restart();
	const restarted = await replica.cycle();

	expect([report.outcome, restarted.outcome]).toEqual(['nothing-published', 'nothing-published']);
	expect(await monitorName(replica)).not.toBe('Renamed by the original');
});
