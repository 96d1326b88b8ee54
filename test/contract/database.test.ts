import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Database, DatabaseReader } from '../../src/model/database.ts';
import type { Column, Row, Value } from '../../src/model/row.ts';
import { DATABASE_KINDS } from '../kit/database-kinds.ts';
import { firstLine } from '../kit/first-line.ts';
import { readTruth, type TruthRow } from '../kit/fixtures.ts';
import { makeNastyDatabase, NASTY } from '../kit/nasty-database.ts';
import { useMariadb } from '../kit/use-mariadb.ts';

const mariadb = useMariadb();

const PROGRAMS = new URL('../programs/', import.meta.url);

async function columnsOf(reader: DatabaseReader, table: string, ...names: string[]): Promise<Column[]> {
	const columns = (await reader.schema()).tables.get(table)?.columns ?? [];
	if (names.length === 0) return [...columns];
	return names.flatMap((name) => columns.filter((column) => column.name === name));
}

function readTable(database: Database, table: string, ...names: string[]): Promise<Row[]> {
	return database.read((reader) => readRows(reader, table, ...names));
}

async function readRows(reader: DatabaseReader, table: string, ...names: string[]): Promise<Row[]> {
	return reader.rows({ table, columns: await columnsOf(reader, table, ...names), orderBy: ['id'] });
}

async function readAll(database: Database, tables: Iterable<string>): Promise<Map<string, TruthRow[]>> {
	return database.read(async (reader) => {
		const found = new Map<string, TruthRow[]>();
		for (const table of tables) {
			const columns = await columnsOf(reader, table);
			const rows = await reader.rows({ table, columns, orderBy: ['id'] });
			found.set(
				table,
				rows.map((row) => toRecord(columns, row)),
			);
		}
		return found;
	});
}

function toRecord(columns: readonly Column[], row: Row): TruthRow {
	return Object.fromEntries(columns.map(({ name }, index): [string, Value] => [name, row[index] ?? null]));
}

describe.each(DATABASE_KINDS)('a %s database', (kind) => {
	const makeDatabase = () => makeNastyDatabase(kind, mariadb);

	test('is known to have been written to after each write', async () => {
		const { database, other } = await makeDatabase();
		const writes = database.watchWrites();
		onTestFinished(() => writes.close());
		expect(writes.hasWritten()).toBe(true);
		// A server cannot tell, and then a read must not be spared.
		expect(writes.hasWritten()).toBe(kind === 'mariadb');

		await other.run("UPDATE monitor SET name = 'renamed' WHERE id = 1");

		expect(writes.hasWritten()).toBe(true);
	});

	test('gives every row of every table as it is stored', async () => {
		const { database } = await makeDatabase();
		const truth = await readTruth(NASTY[kind].truth);

		const found = await readAll(database, truth.keys());

		expect(truth.size).toBe(18);
		for (const [table, rows] of truth) expect(found.get(table), table).toEqual(rows);
	});

	test('stores every row as it was read', async () => {
		const { database } = await makeDatabase();
		const truth = await readTruth(NASTY[kind].truth);
		const tables = [...truth.keys()];

		await database.write(async (writer) => {
			const taken = new Map<string, { columns: Column[]; rows: Row[] }>();
			for (const table of tables) {
				const columns = await columnsOf(writer, table);
				taken.set(table, { columns, rows: await writer.rows({ table, columns, orderBy: ['id'] }) });
			}
			for (const [table, { rows }] of [...taken].reverse()) {
				await writer.delete({ table, keyColumns: ['id'], keys: rows.map((row) => row.slice(0, 1)) });
			}
			for (const [table, { columns, rows }] of taken) {
				const parent = columns.findIndex(({ name }) => name === 'parent');
				await writer.insert({
					table,
					columns,
					rows: rows.map((row) => (parent < 0 ? row : row.with(parent, null))),
				});
				// Children have smaller ids than their parents here, so the reference can only be set afterwards.
				for (const row of parent < 0 ? [] : rows) {
					await writer.update({ table, keyColumns: ['id'], key: row.slice(0, 1), columns, values: row });
				}
			}
		});

		const found = await readAll(database, tables);
		for (const [table, rows] of truth) expect(found.get(table), table).toEqual(rows);
	});

	test('keeps text, numbers and bytes to the last bit', async () => {
		const { database, other } = await makeDatabase();
		await other.run(
			'CREATE TABLE nasty (id INTEGER PRIMARY KEY, amount BIGINT, ratio DOUBLE, note VARCHAR(255), body LONGTEXT, picture LONGBLOB)',
		);
		const texts = [
			'',
			'null',
			' x ',
			'007',
			'1e5',
			'a\0b',
			'\0',
			'\uFEFFBOM',
			'\r\n',
			'\'\\"`$1?:a',
			'🧪👩‍👩‍👧‍👦',
			'\uFFFD',
			'\u2028',
		];
		const integers = [
			0,
			-1,
			2 ** 31,
			Number.MAX_SAFE_INTEGER,
			9_007_199_254_740_993n,
			-(2n ** 63n),
			2n ** 63n - 1n,
		];
		const reals = [
			0.1,
			0.300_000_000_000_000_04,
			48.000_001,
			1e21,
			-1.5,
			5e-324,
			Number.MAX_VALUE,
			1_234_567.891_234_5,
		];
		const bytes = Uint8Array.from({ length: 256 }, (_none, index) => index);
		const megabyte = 'é🧪\\\'"\n'.repeat(100_000);
		const rows: Row[] = [
			...texts.map(
				(text, index): Row => [
					index + 1,
					integers[index] ?? null,
					reals[index] ?? null,
					text,
					text,
					bytes.slice(index),
				],
			),
			[100, null, null, null, megabyte, new Uint8Array(0)],
		];

		await database.write(async (writer) =>
			writer.insert({ table: 'nasty', columns: await columnsOf(writer, 'nasty'), rows }),
		);

		expect(await readTable(database, 'nasty')).toEqual(rows);
	});

	test('sets values of every kind by key', async () => {
		const { database, other } = await makeDatabase();
		await other.run('CREATE TABLE nasty (id BIGINT PRIMARY KEY, amount BIGINT, body LONGTEXT)');
		await other.run('INSERT INTO nasty VALUES (9007199254740993, 1, NULL), (9007199254740992, 1, NULL)');

		const matched = await database.write(async (writer) =>
			writer.update({
				table: 'nasty',
				keyColumns: ['id'],
				key: [9_007_199_254_740_993n],
				columns: await columnsOf(writer, 'nasty', 'amount', 'body'),
				values: [2n ** 63n - 1n, 'a\0b'],
			}),
		);

		expect(matched).toBe(1);
		expect(await readTable(database, 'nasty')).toEqual([
			[9_007_199_254_740_992n, 1, null],
			[9_007_199_254_740_993n, 2n ** 63n - 1n, 'a\0b'],
		]);
	});

	test('reads one state, taken when the read began, while others write', async () => {
		const { database, other } = await makeDatabase();
		const before = await readTable(database, 'tag');

		const [during, later] = await database.read(async (reader) => {
			await other.run("UPDATE tag SET name = 'changed'");
			const first = await readRows(reader, 'tag');
			await other.run('DELETE FROM monitor_tag');
			return [first, await readRows(reader, 'monitor_tag')];
		});

		expect(during).toEqual(before);
		expect(later).toHaveLength(65);
		expect(await readTable(database, 'monitor_tag')).toEqual([]);
	});

	test('undoes everything when the writing fails', async () => {
		const { database } = await makeDatabase();
		const before = await readTable(database, 'tag');

		const writing = database.write(async (writer) => {
			await writer.delete({ table: 'tag', keyColumns: ['id'], keys: before.map((row) => row.slice(0, 1)) });
			throw new Error('on purpose');
		});

		await expect(writing).rejects.toThrow('on purpose');
		expect(await readTable(database, 'tag')).toEqual(before);
	});

	test('leaves the old state when the process is killed inside a write', async () => {
		const { database, config } = await makeDatabase();
		const before = await readTable(database, 'tag');
		const program = spawn(process.execPath, [new URL('write-and-hang.mjs', PROGRAMS).pathname], {
			env: { ...process.env, DATABASE_CONFIG: JSON.stringify(config) },
			stdio: ['ignore', 'pipe', 'inherit'],
		});
		onTestFinished(() => void program.kill('SIGKILL'));
		expect(await firstLine(program)).toBe('written');

		program.kill('SIGKILL');
		await once(program, 'exit');

		expect(await readTable(database, 'tag')).toEqual(before);
		await database.write(async (writer) => {
			await writer.delete({ table: 'tag', keyColumns: ['id'], keys: [[1]] });
		});
		expect(await readTable(database, 'tag')).toHaveLength(before.length - 1);
	});

	test('waits for a lock of somebody else, without keeping the process from other work', async () => {
		const { database, other } = await makeDatabase();
		await other.run("BEGIN; UPDATE tag SET name = 'held' WHERE id = 1");
		let ticks = 0;
		const ticker = setInterval(() => (ticks += 1), 10);
		onTestFinished(() => clearInterval(ticker));

		const writing = database.write((writer) =>
			writer.delete({ table: 'tag', keyColumns: ['id'], keys: [[1]] }),
		);
		await delay(700);
		await other.run('COMMIT');

		expect(await writing).toBe(1);
		expect(ticks).toBeGreaterThan(3);
	});

	test('counts the rows that it found, changed or not', async () => {
		const { database } = await makeDatabase();

		const counts = await database.write(async (writer) => {
			const columns = await columnsOf(writer, 'tag', 'name');
			const update = (id: number) =>
				writer.update({ table: 'tag', keyColumns: ['id'], key: [id], columns, values: ['same'] });
			return [
				await update(1),
				await update(1),
				await update(424_242),
				// Its tags, notifications and groups go along, uncounted.
				await writer.delete({ table: 'monitor', keyColumns: ['id'], keys: [[100], [104], [424_242]] }),
			];
		});

		expect(counts).toEqual([1, 1, 0, 2]);
	});

	test('says that the database changed meanwhile when a key is taken, and changes nothing', async () => {
		const { database } = await makeDatabase();
		const before = await readTable(database, 'tag');
		const added: Row = [5, "it's new", '#000000', '2026-11-24 10:11:12'];

		const writing = database.write(async (writer) =>
			writer.insert({
				table: 'tag',
				columns: await columnsOf(writer, 'tag'),
				rows: [added, added.with(0, 1)],
			}),
		);

		await expect(writing).rejects.toMatchObject({
			code: 'database-changed-meanwhile',
			message: expect.not.stringContaining("it's new"),
		});
		expect(await readTable(database, 'tag')).toEqual(before);
	});

	test('refuses a row that refers to nothing, and names the table but no value', async () => {
		const { database } = await makeDatabase();

		const writing = database.write(async (writer) =>
			writer.insert({
				table: 'monitor_tag',
				columns: await columnsOf(writer, 'monitor_tag', 'id', 'monitor_id', 'tag_id', 'value'),
				rows: [[9, 424_242, 1, 'secret']],
			}),
		);

		const error = await writing.catch((reason: unknown) => reason);
		expect(error).toMatchObject({
			code: 'database-write-failed',
			message: expect.stringContaining('monitor_tag'),
			hint: expect.stringMatching(/\.schema monitor_tag|SHOW CREATE TABLE monitor_tag/),
		});
		expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('secret');
	});

	test('inserts, and deletes by key, more rows than one statement takes', async () => {
		const { database, other } = await makeDatabase();
		await other.run('CREATE TABLE many (id INTEGER PRIMARY KEY, body TEXT)');
		const rows = Array.from({ length: 2_345 }, (_none, index): Row => [index + 1, `row ${index + 1}`]);
		await database.write(async (writer) =>
			writer.insert({ table: 'many', columns: await columnsOf(writer, 'many'), rows }),
		);
		expect(await readTable(database, 'many')).toEqual(rows);

		const keys = rows.slice(0, 1_234).map((row) => row.slice(0, 1));
		const deleted = await database.write((writer) =>
			writer.delete({ table: 'many', keyColumns: ['id'], keys }),
		);

		expect(deleted).toBe(1_234);
		expect(await readTable(database, 'many')).toEqual(rows.slice(1_234));
	});

	test('deletes history in slices, of the values given and of no others', async () => {
		const { database, other } = await makeDatabase();
		for (const monitor of [1, 7, 50]) {
			const beats = Array.from({ length: 3_000 }, () => `(${monitor}, 1, 'beat', '2026-11-24 00:00:00', 0)`);
			await other.run(
				`INSERT INTO heartbeat (monitor_id, status, msg, time, duration) VALUES ${beats.join(', ')}`,
			);
		}

		const deleted = await database.deleteInSlices({
			table: 'heartbeat',
			column: 'monitor_id',
			values: [1, 50, 424_242],
		});

		expect(deleted).toBe(6_000);
		const left = await readTable(database, 'heartbeat', 'monitor_id');
		expect(left).toHaveLength(3_000);
		expect(new Set(left.flat())).toEqual(new Set([7]));
	});

	test('names a table that is not there, and never calls it empty', async () => {
		const { database } = await makeDatabase();

		const reading = database.read((reader) =>
			reader.rows({
				table: 'no_such',
				columns: [{ name: 'id', declared: 'int', isNullable: false }],
				orderBy: ['id'],
			}),
		);

		await expect(reading).rejects.toMatchObject({
			code: 'database-read-failed',
			message: expect.stringContaining('no_such'),
		});
	});
});

test('a lock that is never released is reported after 20 s, on either database', async () => {
	const held = await Promise.all(DATABASE_KINDS.map((kind) => makeNastyDatabase(kind, mariadb)));
	for (const { other } of held) await other.run("BEGIN; UPDATE tag SET name = 'held' WHERE id = 1");
	const startedAt = performance.now();

	const results = await Promise.allSettled(
		held.map(({ database }) =>
			database.write((writer) => writer.delete({ table: 'tag', keyColumns: ['id'], keys: [[1]] })),
		),
	);

	const locked = { status: 'rejected', reason: { code: 'database-locked', isRetryable: true } };
	expect(results).toMatchObject(DATABASE_KINDS.map(() => locked));
	expect(performance.now() - startedAt).toBeLessThan(30_000);
});
