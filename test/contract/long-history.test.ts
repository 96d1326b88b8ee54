import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/database/open-database.ts';
import { boundInstance } from '../../src/instance/bound-instance.ts';
import { takeSnapshot } from '../../src/instance/snapshots/take-snapshot.ts';
import type { Database } from '../../src/model/database.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { Reload, ReloadedPlan } from '../../src/model/reload.ts';
import { ReplicatorError } from '../../src/model/replicator-error.ts';
import type { DatabaseKind } from '../../src/model/row.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { applySnapshot } from '../../src/replica/apply-snapshot.ts';
import { unpackSqlite } from '../kit/fixtures.ts';
import { memoryRepository } from '../kit/memory-repository.ts';
import { PLAIN_APPLY } from '../kit/plain-apply.ts';
import { type PrivateMariadb, startPrivateMariadb } from '../kit/private-mariadb.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { SILENT_LOG, testInstance } from '../kit/test-instance.ts';
import { typedRows } from '../kit/typed-rows.ts';

let server: PrivateMariadb;
beforeAll(async () => {
	server = await startPrivateMariadb();
});
afterAll(() => server.stop());

/** More than goes in one transaction. */
const LONG = 12_000;
/** Monitor 4 goes, 12 is another one now, 5 changes, and 3 belongs to the new 12. */
const EDIT = `
	DELETE FROM monitor WHERE id IN (4, 12);
	INSERT INTO monitor (id, name, type, created_date) VALUES (12, 'Another twelve', 'group', '2026-11-20 08:00:00');
	INSERT INTO monitor_tag (id, monitor_id, tag_id, value) VALUES (31, 12, 1, 'new');
	UPDATE monitor SET parent = 12 WHERE id = 3;
	UPDATE monitor SET name = 'Changed' WHERE id = 5`;

const SHORT_TABLES = ['heartbeat', 'stat_minutely', 'notification_sent_history'] as const;

interface Replica {
	readonly database: Database;
	readonly instance: Instance;
	readonly snapshot: Snapshot;
	readonly leader: Database;
	run(sql: string): Promise<void>;
	count(table: (typeof SHORT_TABLES)[number], monitor: number): Promise<number>;
	column(name: string): Promise<Map<unknown, unknown>>;
}

let databaseCount = 0;

async function makeReplica(kind: DatabaseKind, options: { beats: number; edit?: string }): Promise<Replica> {
	const path = await unpackSqlite('plain-2.3.2.sqlite.db.gz', await temporaryDirectory('leader'));
	const edited = new DatabaseSync(path, { enableForeignKeyConstraints: true });
	edited.exec(options.edit ?? EDIT);
	edited.close();
	const leader = await openDatabase({ type: 'sqlite', path });
	const taken = await takeSnapshot(testInstance({ database: leader }), leader);
	let database: Database;
	let run: (sql: string) => Promise<void>;
	if (kind === 'sqlite') {
		const own = await unpackSqlite('plain-2.3.2.sqlite.db.gz', await temporaryDirectory('replica'));
		run = async (sql) => {
			const connection = new DatabaseSync(own);
			connection.exec(sql);
			connection.close();
		};
		database = await openDatabase({ type: 'sqlite', path: own });
	} else {
		databaseCount += 1;
		const config = await server.createDatabase(`long_${databaseCount}`);
		await server.importFixture('plain-2.3.2.mariadb.sql.gz', config.database);
		run = (sql) => server.run(sql, config.database);
		database = await openDatabase(config);
	}
	const numbers =
		kind === 'sqlite'
			? `(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${options.beats}) SELECT i FROM n)`
			: `(SELECT seq AS i FROM seq_1_to_${options.beats})`;
	await run(
		`INSERT INTO heartbeat (monitor_id, status, msg, time, duration) SELECT 4 + 8 * (i % 2), 1, 'beat', '2026-11-24 00:00:00', 0 FROM ${numbers} AS numbers`,
	);
	await run(
		`INSERT INTO heartbeat (monitor_id, status, msg, time, duration) VALUES (5, 1, 'beat', '2026-11-24 00:00:00', 0);
		INSERT INTO stat_minutely (monitor_id, timestamp, ping, up, down) VALUES (4, 1795651200, 10, 1, 0), (5, 1795651200, 10, 1, 0);
		INSERT INTO notification_sent_history (type, monitor_id, days) VALUES ('certificate', 4, 7), ('certificate', 12, 7), ('certificate', 5, 7)`,
	);
	return {
		database,
		instance: testInstance({ database }),
		snapshot: { manifest: taken.manifest(null), content: taken.content },
		leader,
		run,
		async count(table, monitor) {
			return database.read((reader) =>
				reader.countRows({ table, column: 'monitor_id', values: [monitor], max: 1_000_000 }),
			);
		},
		async column(name) {
			const rows = (await typedRows(database)).get('monitor') ?? [];
			return new Map(rows.map((row) => [row.id, row[name]]));
		},
	};
}

/** A Kuma that says what it was told. */
function recordReload(options: { isHot?: boolean } = {}): Reload & { readonly events: string[] } {
	const events: string[] = [];
	const note = (what: string, plan: ReloadedPlan) => {
		const monitors = plan.changes.filter(({ table }) => table === 'monitor');
		events.push(
			`${what} ${monitors
				.map(({ kind, key }) => `${kind} ${key}`)
				.sort()
				.join(', ')}`,
		);
	};
	return {
		events,
		canReload: () => options.isHot !== false,
		stop: async (plan) => note('stop', plan),
		resume: async (plan) => note('resume', plan),
		reload: async (plan) => {
			note('reload', plan);
			return { outcome: 'reloaded', startedMonitors: 1, durationMs: 1 };
		},
		owe: (plan) => note('owe', plan),
		settle: async () => null,
	};
}

const apply = (replica: Replica, parts: { database?: Database; reload?: Reload } = {}) =>
	applySnapshot({
		instance: replica.instance,
		database: parts.database ?? replica.database,
		reload: parts.reload ?? recordReload(),
		snapshot: replica.snapshot,
		...PLAIN_APPLY,
	});

/** Everything as on the leader, nothing left of what is gone, and nothing lost of what stays. */
async function expectDone(replica: Replica): Promise<void> {
	const [wanted, found] = [await typedRows(replica.leader), await typedRows(replica.database)];
	for (const table of ['monitor', 'monitor_tag', 'monitor_notification', 'monitor_group'])
		expect(
			found.get(table)?.map(({ id }) => id),
			table,
		).toEqual(wanted.get(table)?.map(({ id }) => id));
	expect((await replica.column('name')).get(12)).toBe('Another twelve');
	expect((await replica.column('parent')).get(3)).toBe(12);
	for (const monitor of [4, 12])
		for (const table of SHORT_TABLES)
			expect(await replica.count(table, monitor), `${table} ${monitor}`).toBe(0);
	for (const table of SHORT_TABLES) expect(await replica.count(table, 5), table).toBe(1);
	expect((await apply(replica)).outcome).toBe('unchanged');
}

describe.each(['sqlite', 'mariadb'] as const)('in %s', (kind) => {
	test('an apply that fails has deleted no history, however much there is', async () => {
		for (const beats of [10, LONG]) {
			const replica = await makeReplica(kind, { beats });
			const failing: Database = {
				...replica.database,
				write: () => Promise.reject(new ReplicatorError('There is no space left.', { code: 'disk-full' })),
			};

			await expect(apply(replica, { database: failing })).rejects.toThrow('no space left');

			expect(await replica.count('heartbeat', 4)).toBe(beats / 2);
			expect(await replica.count('heartbeat', 12)).toBe(beats / 2);
			expect(await replica.count('notification_sent_history', 4)).toBe(1);
			expect((await replica.column('name')).get(5)).not.toBe('Changed');
		}
	});

	test('a short history goes with its monitor in one transaction', async () => {
		const replica = await makeReplica(kind, { beats: 10 });
		const reload = recordReload();

		await apply(replica, { reload });

		expect(reload.events).toEqual([
			'stop changed 3, changed 5, removed 4, replaced 12',
			'reload changed 3, changed 5, removed 4, replaced 12',
		]);
		await expectDone(replica);
	});

	test('while a long history goes, everything else is done and runs, and what goes is stopped', async () => {
		const replica = await makeReplica(kind, { beats: LONG });
		const reload = recordReload();
		const meanwhile: unknown[] = [];
		const watched: Database = {
			...replica.database,
			deleteInSlices: async (request) => {
				const [names, active, parents] = await Promise.all(
					['name', 'active', 'parent'].map((name) => replica.column(name)),
				);
				meanwhile.push([names?.get(5), active?.get(4), active?.get(12), parents?.get(3), [...reload.events]]);
				return replica.database.deleteInSlices(request);
			},
		};

		const result = await apply(replica, { database: watched, reload });

		const before = [
			'stop changed 12, changed 3, changed 4, changed 5',
			'reload changed 12, changed 3, changed 4, changed 5',
		];
		expect(meanwhile[0]).toEqual(['Changed', 0, 0, null, before]);
		expect(reload.events).toEqual([
			...before,
			'stop changed 3, removed 4, replaced 12',
			'reload changed 3, removed 4, replaced 12',
		]);
		expect(
			result.plan.changes
				.filter(({ table }) => table === 'monitor')
				.map(({ kind: how, key }) => `${how} ${key}`)
				.sort(),
		).toEqual(['changed 3', 'changed 5', 'removed 4', 'replaced 12']);
		await expectDone(replica);
	});

	test('a Kuma that must be restarted is restarted once, when all is done', async () => {
		const replica = await makeReplica(kind, { beats: LONG });
		const reload = recordReload({ isHot: false });

		await apply(replica, { reload });

		expect(reload.events).toEqual(['reload changed 3, changed 5, removed 4, replaced 12']);
		await expectDone(replica);
	});

	test('what breaks off while a long history goes is finished by the next apply', async () => {
		const replica = await makeReplica(kind, { beats: LONG });
		let slices = 0;
		const breaking: Database = {
			...replica.database,
			deleteInSlices: async (request) => {
				slices += 1;
				if (slices === 2) throw new ReplicatorError('It is gone.', { code: 'database-unreachable' });
				return replica.database.deleteInSlices(request);
			},
		};

		await expect(apply(replica, { database: breaking })).rejects.toThrow('gone');
		expect((await replica.column('name')).get(5)).toBe('Changed');
		expect((await replica.column('active')).get(4)).toBe(0);

		expect((await apply(replica)).outcome).toBe('applied');
		await expectDone(replica);
	});

	test('what is applied already is taken up when the rest fails, and the first failure is the one that is reported', async () => {
		const replica = await makeReplica(kind, { beats: LONG });
		const kuma = recordReload({ isHot: false });
		const silent = new ReplicatorError('Kuma is silent.', { code: 'agent-silent' });
		const failing: Reload = {
			...kuma,
			reload: async (plan) => {
				await kuma.reload(plan);
				throw silent;
			},
		};
		const locked = new ReplicatorError('It is locked.', { code: 'database-locked' });
		const warnings: unknown[] = [];
		const instance: Instance = {
			...replica.instance,
			log: { ...SILENT_LOG, warning: (_message, fields) => warnings.push(fields?.error) },
		};

		const applying = apply(
			{ ...replica, instance },
			{
				reload: failing,
				database: { ...replica.database, deleteInSlices: () => Promise.reject(locked) },
			},
		);

		await expect(applying).rejects.toBe(locked);
		expect(kuma.events).toEqual(['reload changed 3, changed 5, removed 4, replaced 12']);
		expect(warnings).toEqual([silent]);
		expect(await replica.count('notification_sent_history', 4)).toBe(1);
	});

	test('what is applied already is owed to Kuma when the turn of its cycle ends', async () => {
		const replica = await makeReplica(kind, { beats: LONG });
		const turn = new AbortController();
		const over = new ReplicatorError('The cycle took too long.', { code: 'cycle-timed-out' });
		const kuma = recordReload({ isHot: false });
		const repository = memoryRepository();
		const instance = boundInstance({ ...replica.instance, repository, reload: kuma }, turn.signal);

		const applying = apply(
			{ ...replica, instance },
			{
				reload: instance.reload,
				database: {
					...replica.database,
					deleteInSlices: async () => {
						turn.abort(over);
						throw over;
					},
				},
			},
		);

		await expect(applying).rejects.toBe(over);
		expect(kuma.events).toEqual(['owe changed 3, changed 5, removed 4, replaced 12']);
		expect(await replica.count('notification_sent_history', 4)).toBe(1);
	});

	test('what a removed monitor could not take along is not inherited when it comes back', async () => {
		const replica = await makeReplica(kind, { beats: 10, edit: 'DELETE FROM monitor WHERE id IN (4, 12)' });
		const older = await takeSnapshot(replica.instance, replica.database);
		const locked = new ReplicatorError('It is locked.', { code: 'database-locked' });
		await apply(replica, {
			database: { ...replica.database, deleteInSlices: () => Promise.reject(locked) },
		});
		expect(await replica.count('notification_sent_history', 12)).toBe(1);

		await apply({ ...replica, snapshot: { manifest: older.manifest(null), content: older.content } });

		expect((await replica.column('name')).has(12)).toBe(true);
		expect(await replica.count('notification_sent_history', 12)).toBe(0);
		expect(await replica.count('notification_sent_history', 5)).toBe(1);
	});

	test('a monitor that the database does not let go keeps all of its history', async () => {
		const replica = await makeReplica(kind, { beats: LONG, edit: 'DELETE FROM monitor WHERE id IN (4, 6)' });
		await replica.run(
			kind === 'sqlite'
				? "CREATE TRIGGER keeps BEFORE DELETE ON heartbeat WHEN OLD.monitor_id = 4 BEGIN SELECT RAISE(ABORT, 'kept for ever'); END"
				: 'CREATE TABLE report (heartbeat_id INT UNSIGNED, FOREIGN KEY (heartbeat_id) REFERENCES heartbeat (id)); INSERT INTO report SELECT MAX(id) FROM heartbeat WHERE monitor_id = 4',
		);

		const { plan } = await apply(replica);

		expect(plan.heldRows.map(({ table, key }) => `${table}/${key}`)).toEqual(['monitor/4']);
		expect(await replica.count('heartbeat', 4)).toBe(LONG / 2);
		const names = await replica.column('name');
		expect([names.has(4), names.has(6)]).toEqual([true, false]);
		expect((await replica.column('active')).get(4)).toBe(1);
		expect((await apply(replica)).outcome).toBe('unchanged');
	});
});
