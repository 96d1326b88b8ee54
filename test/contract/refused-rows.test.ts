import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { rehearsePlan } from '../../src/apply/rehearse-plan.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { takeSnapshot } from '../../src/instance/snapshots/take-snapshot.ts';
import type { Log } from '../../src/model/log.ts';
import type { Step } from '../../src/model/plan.ts';
import type { Column, DatabaseKind } from '../../src/model/row.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { applySnapshot } from '../../src/replica/apply-snapshot.ts';
import { DATABASE_KINDS } from '../kit/database-kinds.ts';
import { PLAIN_APPLY } from '../kit/plain-apply.ts';
import { type RefusingPair, refusingPair } from '../kit/refusing-pair.ts';
import { mountSmallDisk } from '../kit/small-disk.ts';
import { SILENT_LOG } from '../kit/test-instance.ts';
import { useMariadb } from '../kit/use-mariadb.ts';

const server = useMariadb();

/** An edit that must arrive whatever else is refused. */
const UNRELATED = "UPDATE monitor SET name = 'An unrelated edit' WHERE id = 5;";

async function expectUnrelated(pair: RefusingPair): Promise<void> {
	expect((await pair.column('monitor', 'name')).get(5)).toBe('An unrelated edit');
}

/** A trigger of the replica's own that refuses, in words of its author. */
function refusing(
	kind: DatabaseKind,
	event: string,
	table: string,
	options: { when?: string; words?: string } = {},
): string {
	const { when = '1 = 1', words = 'not on this server' } = options;
	const name = `refuses_${event.replaceAll(' ', '_')}_${table}`;
	return kind === 'sqlite'
		? `CREATE TRIGGER ${name} BEFORE ${event} ON \`${table}\` WHEN ${when} BEGIN SELECT RAISE(ABORT, '${words}'); END`
		: `CREATE TRIGGER ${name} BEFORE ${event} ON \`${table}\` FOR EACH ROW BEGIN IF ${when} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${words}'; END IF; END`;
}

describe.each(DATABASE_KINDS)('in %s', (kind) => {
	const pairOf = (options: Omit<Parameters<typeof refusingPair>[1], 'server'> = {}) =>
		refusingPair(kind, { server, ...options });
	const ID = kind === 'sqlite' ? 'INTEGER PRIMARY KEY' : 'INT UNSIGNED PRIMARY KEY';
	const MONITOR_ID = kind === 'sqlite' ? 'INTEGER' : 'INT UNSIGNED';

	describe('a column that refers to a table that is not replicated', () => {
		const team = `CREATE TABLE team (id VARCHAR(40) PRIMARY KEY, name VARCHAR(40))`;
		const nullable = `${team}; ALTER TABLE monitor ADD COLUMN team_id VARCHAR(40) DEFAULT NULL REFERENCES team (id) ON DELETE SET NULL`;
		const required = `${team}; INSERT INTO team VALUES ('none', 'none'); ALTER TABLE tag ADD COLUMN team_id VARCHAR(40) NOT NULL DEFAULT 'none'`;

		test('is empty where its row is missing, and the reference comes back when the row is there', async () => {
			const pair = await pairOf();
			pair.leader.edit(nullable);
			await pair.alter(nullable);
			await pair.alter("INSERT INTO team VALUES ('here', 'Here')");

			const report = await pair.publish(
				`INSERT INTO team VALUES ('here', 'Here'), ('there', 'There'); UPDATE monitor SET team_id = 'here' WHERE id = 3;
				UPDATE monitor SET team_id = 'there', name = 'Renamed' WHERE id = 4; ${UNRELATED}`,
			);

			expect(report.outcome).toBe('applied');
			await expectUnrelated(pair);
			expect((await pair.column('monitor', 'name')).get(4)).toBe('Renamed');
			const teams = await pair.column('monitor', 'team_id');
			expect([teams.get(3), teams.get(4)]).toEqual(['here', null]);
			expect(pair.setAside()).toMatchObject([{ table: 'monitor', key: '4', how: 'partial' }]);
			expect(pair.setAside()[0]?.reason).toContain('team_id refers to a row of team');

			await pair.alter("INSERT INTO team VALUES ('there', 'There')");
			pair.pass(120_000);
			await pair.replica.cycle();
			expect((await pair.column('monitor', 'team_id')).get(4)).toBe('there');
			expect(pair.setAside()).toEqual([]);
		});

		test('sets the row aside where it must not be empty', async () => {
			const pair = await pairOf();
			pair.leader.edit(required);
			await pair.alter(required);
			await pair.alter(
				kind === 'sqlite'
					? `PRAGMA writable_schema = ON;
						UPDATE sqlite_schema SET sql = replace(sql, 'DEFAULT ''none''', 'DEFAULT ''none'' REFERENCES team (id)') WHERE name = 'tag';
						PRAGMA writable_schema = RESET`
					: 'ALTER TABLE tag ADD FOREIGN KEY (team_id) REFERENCES team (id)',
			);

			await pair.publish(
				`INSERT INTO team VALUES ('there', 'There'); UPDATE tag SET team_id = 'there', name = 'Renamed' WHERE id = 1;
				INSERT INTO tag (id, name, color, team_id) VALUES (70, 'new', '#fff', 'there'), (71, 'good', '#fff', 'none');
				INSERT INTO monitor_tag (id, monitor_id, tag_id, value) VALUES (900, 2, 70, ''), (901, 2, 71, ''); ${UNRELATED}`,
			);

			await expectUnrelated(pair);
			const tags = await pair.column('tag', 'name');
			expect(tags.get(1)).not.toBe('Renamed');
			expect([tags.get(70), tags.get(71)]).toEqual([undefined, 'good']);
			const links = await pair.column('monitor_tag', 'tag_id');
			expect([links.get(900), links.get(901)]).toEqual([undefined, 71]);
			expect(pair.setAside().map(({ table, key, how }) => `${table}/${key} ${how}`)).toEqual([
				'tag/1 held',
				'tag/70 held',
				'monitor_tag/900 held',
			]);
		});
	});

	test('a row outside of what is replicated that holds on to a removed monitor keeps it, and nothing else', async () => {
		const pair = await pairOf();
		await pair.alter(
			`CREATE TABLE report (id ${ID}, monitor_id ${MONITOR_ID}, FOREIGN KEY (monitor_id) REFERENCES monitor (id))`,
		);
		await pair.alter('INSERT INTO report VALUES (1, 4)');
		await pair.alter(
			"INSERT INTO heartbeat (monitor_id, status, msg, time, duration) VALUES (4, 1, 'kept', '2026-11-24 00:00:00', 0)",
		);

		await pair.publish(`DELETE FROM monitor WHERE id IN (4, 6); ${UNRELATED}`);

		await expectUnrelated(pair);
		const names = await pair.column('monitor', 'name');
		expect([names.has(4), names.has(6)]).toEqual([true, false]);
		expect(pair.setAside()).toMatchObject([{ table: 'monitor', key: '4', how: 'held' }]);
		expect(pair.setAside()[0]?.reason).toContain('a row of report refers to it');

		await pair.alter('DELETE FROM report');
		pair.pass(120_000);
		await pair.replica.cycle();
		expect((await pair.column('monitor', 'name')).has(4)).toBe(false);
		expect(pair.setAside()).toEqual([]);
	});

	describe('a trigger that refuses', () => {
		test.each([
			[
				'an insert',
				'INSERT',
				"INSERT INTO tag (id, name, color) VALUES (70, 'bad', '#fff'), (71, 'good', '#fff');",
				"NEW.name = 'bad'",
				'tag/70',
			],
			[
				'an update',
				'UPDATE',
				"UPDATE tag SET name = 'bad' WHERE id = 1; UPDATE tag SET name = 'good' WHERE id = 2;",
				"NEW.name = 'bad'",
				'tag/1',
			],
			['a delete', 'DELETE', 'DELETE FROM tag WHERE id IN (1, 2);', 'OLD.id = 1', 'tag/1'],
		])(
			'%s is named with its words, and everything else arrives',
			async (_what, event, edit, when, culprit) => {
				const pair = await pairOf();
				await pair.alter(refusing(kind, event, 'tag', { when }));

				const report = await pair.publish(`${edit} ${UNRELATED}`);

				expect(report.outcome).toBe('applied');
				await expectUnrelated(pair);
				expect(pair.setAside().map(({ table, key }) => `${table}/${key}`)).toEqual([culprit]);
				expect(pair.setAside()[0]?.reason).toContain('not on this server');
				const wanted = new Map((await pair.leader.table('tag')).map((row) => [row.id, row.name]));
				const found = await pair.column('tag', 'name');
				for (const id of new Set([...wanted.keys(), ...found.keys()])) {
					if (`tag/${id}` !== culprit) expect(found.get(id), `tag ${id}`).toBe(wanted.get(id));
				}
			},
		);

		test('is tried again when the trigger is gone', async () => {
			const pair = await pairOf();
			await pair.alter(refusing(kind, 'UPDATE', 'tag'));
			await pair.publish(`UPDATE tag SET name = 'renamed' WHERE id = 1; ${UNRELATED}`);
			expect(pair.setAside()).toHaveLength(1);

			await pair.alter('DROP TRIGGER refuses_UPDATE_tag');
			pair.pass(120_000);
			const report = await pair.replica.cycle();

			expect(report.outcome).toBe('applied');
			expect((await pair.column('tag', 'name')).get(1)).toBe('renamed');
			expect(pair.setAside()).toEqual([]);
		});

		test('tells nothing of what is secret in the row', async () => {
			const pair = await pairOf();
			const words =
				kind === 'sqlite' ? "'refused: ' || NEW.config" : "CONCAT('refused: ', LEFT(NEW.config, 100))";
			await pair.alter(
				kind === 'sqlite'
					? `CREATE TRIGGER tells BEFORE UPDATE ON notification BEGIN SELECT RAISE(ABORT, ${words}); END`
					: `CREATE TRIGGER tells BEFORE UPDATE ON notification FOR EACH ROW BEGIN DECLARE words TEXT; SET words = ${words}; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = words; END`,
			);

			await pair.publish(
				`UPDATE notification SET config = '{"token":"s3cret-t0ken-0f-the-fleet"}' WHERE id = 1; ${UNRELATED}`,
			);

			await expectUnrelated(pair);
			expect(pair.setAside()).toMatchObject([{ table: 'notification', key: '1' }]);
			expect(pair.setAside()[0]?.reason).toContain('refused');
			expect(JSON.stringify(pair.setAside())).not.toMatch(/s3cret|t0ken/);
		});
	});

	test('what cannot be applied is not tried at every cycle, but ever again', async () => {
		const attempts: string[] = [];
		const log = {
			debug() {},
			info: (message: string) => void (message.includes('planning again') && attempts.push(message)),
			warning() {},
			error() {},
		};
		const pair = await pairOf({ log });
		await pair.alter(refusing(kind, 'UPDATE', 'tag'));
		await pair.publish("UPDATE tag SET name = 'renamed' WHERE id = 1");
		expect(attempts).toHaveLength(1);

		for (let cycle = 0; cycle < 10; cycle += 1) {
			pair.pass(100_000);
			expect((await pair.replica.cycle()).heldRows, `cycle ${cycle}`).toHaveLength(1);
		}
		await pair.publish(UNRELATED);

		await expectUnrelated(pair);
		expect(attempts).toHaveLength(1);
	});

	test('a unique index that only the replica has names the row that comes too late', async () => {
		const pair = await pairOf();
		await pair.alter(
			kind === 'sqlite'
				? "CREATE UNIQUE INDEX one_name ON tag (lower(name)) WHERE color <> '#free'"
				: 'ALTER TABLE tag ADD COLUMN folded VARCHAR(255) GENERATED ALWAYS AS (lower(name)) STORED, ADD UNIQUE (folded)',
		);

		await pair.publish(
			`INSERT INTO tag (id, name, color) VALUES (70, 'Twice', '#fff'), (71, 'tWICE', '#fff'), (72, 'once', '#fff');
			INSERT INTO monitor_tag (id, monitor_id, tag_id, value) VALUES (900, 2, 71, ''), (901, 2, 70, ''); ${UNRELATED}`,
		);

		await expectUnrelated(pair);
		const tags = await pair.column('tag', 'name');
		expect([tags.get(70), tags.get(71), tags.get(72)]).toEqual(['Twice', undefined, 'once']);
		expect(pair.setAside().map(({ table, key }) => `${table}/${key}`)).toEqual(['tag/71', 'monitor_tag/900']);
		expect(pair.setAside()[0]?.reason).not.toContain('meanwhile');
	});

	test('a condition that only the replica has names the row that does not meet it', async () => {
		const pair = await pairOf();
		await pair.alter(
			kind === 'sqlite'
				? `PRAGMA writable_schema = ON;
					UPDATE sqlite_schema SET sql = replace(sql, 'color VARCHAR(255) NOT NULL', 'color VARCHAR(255) NOT NULL CHECK (color LIKE ''#%'')') WHERE name = 'tag';
					PRAGMA writable_schema = RESET`
				: "ALTER TABLE tag ADD CONSTRAINT a_colour CHECK (color LIKE '#%')",
		);

		await pair.publish(
			`UPDATE tag SET color = 'red' WHERE id = 1; UPDATE tag SET color = '#123456' WHERE id = 2; ${UNRELATED}`,
		);

		await expectUnrelated(pair);
		expect((await pair.column('tag', 'color')).get(2)).toBe('#123456');
		expect(pair.setAside().map(({ table, key }) => `${table}/${key}`)).toEqual(['tag/1']);
		expect(pair.setAside()[0]?.reason).toMatch(/CHECK|a_colour/);
	});

	test('a column without a default that only the replica has sets new rows aside, and lets all others arrive', async () => {
		const pair = await pairOf();
		await pair.alter(
			kind === 'sqlite'
				? `PRAGMA writable_schema = ON;
					UPDATE sqlite_schema SET sql = replace(sql, 'color VARCHAR(255) NOT NULL', 'color VARCHAR(255) NOT NULL, made_by TEXT NOT NULL DEFAULT (lower(''X''))') WHERE name = 'tag';
					PRAGMA writable_schema = RESET`
				: "ALTER TABLE tag ADD COLUMN made_by VARCHAR(20) NOT NULL DEFAULT (lower('X'))",
		);

		await pair.publish(`INSERT INTO tag (id, name, color) VALUES (70, 'new', '#fff'); ${UNRELATED}`);

		await expectUnrelated(pair);
		expect((await pair.column('tag', 'name')).get(70)).toBe('new');
		expect(pair.setAside()).toEqual([]);
	});

	test('a refused monitor keeps what it has, and its new links wait with it', async () => {
		const pair = await pairOf();
		await pair.alter(refusing(kind, 'INSERT', 'monitor', { when: 'NEW.id = 80' }));

		await pair.publish(
			`INSERT INTO monitor (id, name, type, created_date) VALUES (80, 'Group', 'group', '2026-11-01 08:00:00'), (81, 'Child', 'http', '2026-11-01 08:00:00');
			UPDATE monitor SET parent = 80 WHERE id IN (81, 3);
			INSERT INTO monitor_notification (id, monitor_id, notification_id) VALUES (900, 80, 1), (901, 81, 1); ${UNRELATED}`,
		);

		await expectUnrelated(pair);
		const parents = await pair.column('monitor', 'parent');
		expect([parents.has(80), parents.get(81), parents.get(3)]).toEqual([false, null, null]);
		const links = await pair.column('monitor_notification', 'monitor_id');
		expect([links.get(900), links.get(901)]).toEqual([undefined, 81]);
		expect(pair.setAside().map(({ table, key, how }) => `${table}/${key} ${how}`)).toEqual([
			'monitor/80 held',
			'monitor/3 partial',
			'monitor/81 partial',
			'monitor_notification/900 held',
		]);

		await pair.alter('DROP TRIGGER refuses_INSERT_monitor');
		pair.pass(120_000);
		await pair.replica.cycle();
		expect(pair.setAside()).toEqual([]);
		expect(await pair.replica.rows()).toBeDefined();
		expect((await pair.column('monitor', 'parent')).get(81)).toBe(80);
	});

	test('names that swap arrive, although neither may be there twice', async () => {
		const pair = await pairOf();

		await pair.publish(
			`UPDATE status_page SET slug = 'aside' WHERE id = 1; UPDATE status_page SET slug = 'public' WHERE id = 2;
			UPDATE status_page SET slug = 'internal' WHERE id = 1; ${UNRELATED}`,
		);

		await expectUnrelated(pair);
		const wanted = new Map((await pair.leader.table('status_page')).map((row) => [row.id, row.slug]));
		expect(await pair.column('status_page', 'slug')).toEqual(wanted);
	});
});

/** Applies what the leader has to the replica once more. @returns how often a plan was rehearsed for it. */
async function applyCounted(pair: RefusingPair, log: Log = SILENT_LOG) {
	const [leader, replica] = [pair.leader.instance, pair.replica.instance];
	const [source, target] = [await leader.openDatabase(), await replica.openDatabase()];
	if (source.outcome !== 'opened' || target.outcome !== 'opened') throw new Error('no database');
	const { manifest, content } = await takeSnapshot(leader, source.database);
	const { database } = target;
	let rehearsals = 0;
	const outcome = await applySnapshot({
		instance: { ...replica, log },
		database: {
			...database,
			rehearse: (work) => {
				rehearsals += 1;
				return database.rehearse(work);
			},
		},
		reload: NO_RELOAD,
		snapshot: { manifest: manifest(null), content },
		...PLAIN_APPLY,
	}).then(
		(applied) => applied.outcome,
		(error: unknown) => (error as { readonly code?: unknown }).code,
	);
	return { outcome, rehearsals };
}

describe('in SQLite', () => {
	test('what cannot be left out of a plan is not rehearsed again and again', async () => {
		const pair = await refusingPair('sqlite');
		await pair.alter(`
			CREATE TABLE poller (id INTEGER PRIMARY KEY);
			CREATE TABLE side (id INTEGER PRIMARY KEY, tag_id INTEGER REFERENCES tag (id), poller_id INTEGER REFERENCES poller (id) DEFERRABLE INITIALLY DEFERRED);
			CREATE TRIGGER fills AFTER UPDATE ON tag BEGIN INSERT INTO side (tag_id, poller_id) VALUES (NEW.id, 99); END`);
		pair.leader.edit("UPDATE tag SET name = 'renamed' WHERE id = 1");
		const warnings: unknown[] = [];

		const { outcome, rehearsals } = await applyCounted(pair, {
			...SILENT_LOG,
			warning: (_message, fields) => warnings.push(fields?.refused),
		});

		expect(outcome).toBe('database-write-failed');
		expect(rehearsals).toBeLessThan(10);
		expect(new Set(warnings)).toEqual(new Set(['delete poller 99']));
	});

	test('what is refused as before, when its time has come, is not tried twice', async () => {
		const pair = await refusingPair('sqlite');
		await pair.alter(refusing('sqlite', 'UPDATE', 'tag'));
		await pair.publish("UPDATE tag SET name = 'renamed' WHERE id = 1");
		pair.pass(60 * 60_000);
		pair.leader.edit(UNRELATED);

		// One finds it, and one finds that all else is taken.
		expect(await applyCounted(pair)).toEqual({ outcome: 'applied', rehearsals: 2 });
	});

	test('a disk that is full is no row that is refused, and is named with the way out', async () => {
		const disk = await mountSmallDisk(512);
		const path = join(disk.path, 'kuma.db');
		const connection = new DatabaseSync(path);
		connection.exec(
			"CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO tag VALUES (1, 'before')",
		);
		connection.close();
		await writeFile(join(disk.path, 'something-large'), new Uint8Array(1024 * 1024)).catch(() => undefined);
		const database = await openDatabase({ type: 'sqlite', path });
		const name: Column = { name: 'name', declared: 'TEXT', isNullable: true };
		const step: Step = {
			kind: 'update',
			table: 'tag',
			keyColumns: ['id'],
			key: [1],
			columns: [name],
			values: ['after'],
		};

		const rehearsing = rehearsePlan({ plan: { steps: [step], settings: [] }, database });

		await expect(rehearsing).rejects.toMatchObject({
			code: 'disk-full',
			hint: expect.stringContaining('Free space'),
			isRetryable: true,
		});
	});

	test('a foreign key that is looked at in the end only, and a trigger that undoes everything, stop nothing', async () => {
		const pair = await refusingPair('sqlite');
		await pair.alter(`
			CREATE TABLE poller (id INTEGER PRIMARY KEY);
			ALTER TABLE tag ADD COLUMN poller_id INTEGER REFERENCES poller (id) DEFERRABLE INITIALLY DEFERRED;
			CREATE TRIGGER fills AFTER UPDATE ON tag WHEN NEW.name = 'bad' BEGIN UPDATE tag SET poller_id = 99 WHERE id = NEW.id; END;
			CREATE TRIGGER undoes BEFORE UPDATE ON notification WHEN NEW.name = 'worse' BEGIN SELECT RAISE(ROLLBACK, 'all of it'); END;
			CREATE TRIGGER ignores BEFORE INSERT ON tag WHEN NEW.name = 'ignored' BEGIN SELECT RAISE(IGNORE); END`);

		await pair.publish(
			`UPDATE tag SET name = 'bad' WHERE id = 1; UPDATE tag SET name = 'good' WHERE id = 2;
			UPDATE notification SET name = 'worse' WHERE id = 1; UPDATE notification SET name = 'better' WHERE id = 2;
			INSERT INTO tag (id, name, color) VALUES (70, 'ignored', '#fff'), (71, 'heard', '#fff'); ${UNRELATED}`,
		);

		await expectUnrelated(pair);
		const tags = await pair.column('tag', 'name');
		expect([tags.get(2), tags.get(70), tags.get(71)]).toEqual(['good', undefined, 'heard']);
		expect((await pair.column('notification', 'name')).get(2)).toBe('better');
		expect(
			pair
				.setAside()
				.map(({ table, key }) => `${table}/${key}`)
				.sort(),
		).toEqual(['notification/1', 'tag/1', 'tag/70']);
	});

	test('a table that takes values of its own types only names the row that has another', async () => {
		const pair = await refusingPair('sqlite');
		await pair.alter(`
			PRAGMA foreign_keys = OFF;
			CREATE TABLE tag_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL, color TEXT NOT NULL, created_date TEXT NOT NULL DEFAULT (datetime('now')), weight INTEGER) STRICT;
			INSERT INTO tag_new SELECT id, name, color, created_date, NULL FROM tag;
			DROP TABLE tag; ALTER TABLE tag_new RENAME TO tag`);
		pair.leader.edit('ALTER TABLE tag ADD COLUMN weight INTEGER');

		await pair.publish(
			`UPDATE tag SET weight = 'heavy' WHERE id = 1; UPDATE tag SET weight = 7 WHERE id = 2; ${UNRELATED}`,
		);

		await expectUnrelated(pair);
		expect((await pair.column('tag', 'weight')).get(2)).toBe(7);
		expect(pair.setAside()).toMatchObject([{ table: 'tag', key: '1' }]);
	});
});
