import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src/database/open-database.ts';
import type { Database } from '../../src/model/database.ts';
import type { Row } from '../../src/model/row.ts';
import { makeNastyDatabase } from '../kit/nasty-database.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { waitFor } from '../kit/wait-for.ts';

const BEAT = new URL('../programs/beat.mjs', import.meta.url).pathname;

/** Reads a table and writes it back, value by value. */
async function rewrite(database: Database, table: string): Promise<Row[]> {
	return database.write(async (writer) => {
		const columns = (await writer.schema()).tables.get(table)?.columns ?? [];
		const rows = await writer.rows({ table, columns, orderBy: ['id'] });
		await writer.delete({ table, keyColumns: ['id'], keys: rows.map((row) => row.slice(0, 1)) });
		await writer.insert({ table, columns, rows });
		return rows;
	});
}

/** @returns the storage class of every value of a table. */
function storageClasses(path: string, table: string): unknown[] {
	const connection = new DatabaseSync(path, { readOnly: true });
	try {
		const names = connection.prepare('SELECT name FROM pragma_table_info(?)').all(table);
		const list = names.map(({ name }) => `typeof("${String(name)}") AS "${String(name)}"`).join(', ');
		return connection.prepare(`SELECT ${list} FROM "${table}" ORDER BY id`).all();
	} finally {
		connection.close();
	}
}

/** Another process that writes as Kuma does. `report` tells what it wrote since it was asked before. */
function startBeating(path: string) {
	const program = spawn(process.execPath, [BEAT, path], { stdio: ['pipe', 'pipe', 'inherit'] });
	onTestFinished(() => void program.kill('SIGKILL'));
	const lines = createInterface(program.stdout)[Symbol.asyncIterator]();
	return {
		report: async () => {
			program.stdin.write('\n');
			const { value } = await lines.next();
			return JSON.parse(String(value)) as { written: number; givenUp: number };
		},
	};
}

test('a database that does not exist yet is told apart, and never made', async () => {
	const path = join(await temporaryDirectory(), 'kuma.db');

	await expect(openDatabase({ type: 'sqlite', path })).rejects.toMatchObject({
		code: 'database-not-migrated',
		isRetryable: true,
	});

	expect(existsSync(path)).toBe(false);
});

test('a database that was moved away after it was opened is not made anew', async () => {
	const { database } = await makeNastyDatabase('sqlite');
	await rm(database.location);

	await expect(database.read((reader) => reader.schema())).rejects.toMatchObject({
		code: 'database-not-migrated',
	});

	expect(existsSync(database.location)).toBe(false);
});

test.each(['tag', 'monitor_tag', 'notification', 'status_page', 'incident', 'maintenance', 'setting'])(
	'every value of the table %s keeps its storage class when it is written back',
	async (table) => {
		const { database } = await makeNastyDatabase('sqlite');
		const before = storageClasses(database.location, table);

		await rewrite(database, table);

		expect(storageClasses(database.location, table)).toEqual(before);
	},
);

test('a number keeps the storage class that its column gives it', async () => {
	const { database, other } = await makeNastyDatabase('sqlite');
	await other.run(`CREATE TABLE nasty (id INTEGER PRIMARY KEY, i INTEGER, b BOOLEAN, d DATETIME, r DOUBLE, t TEXT);
		INSERT INTO nasty VALUES (1, 1, 1000, 1764000000123, 1, '1'), (2, 20.5, -0.0, '2026', -0.0, '1.50'),
		(3, 1e21, 9007199254740993, 9e15, 1e21, '0.30000000000000004')`);
	const before = storageClasses(database.location, 'nasty');

	const rows = await rewrite(database, 'nasty');

	expect(storageClasses(database.location, 'nasty')).toEqual(before);
	expect(await rewrite(database, 'nasty')).toEqual(rows);
	expect(before).toMatchObject([
		{ i: 'integer', b: 'integer', d: 'integer', r: 'real', t: 'text' },
		{ i: 'real', b: 'integer', d: 'integer', r: 'real', t: 'text' },
		{ i: 'real', b: 'integer', d: 'integer', r: 'real', t: 'text' },
	]);
});

test('a number that goes into a text column is exact there', async () => {
	const { database, other } = await makeNastyDatabase('sqlite');
	await other.run('CREATE TABLE nasty (id INTEGER PRIMARY KEY, t VARCHAR(255))');

	await database.write(async (writer) =>
		writer.insert({
			table: 'nasty',
			columns: (await writer.schema()).tables.get('nasty')?.columns ?? [],
			rows: [
				[1, 1],
				[2, 0.300_000_000_000_000_04],
				[3, 2n ** 63n - 1n],
			],
		}),
	);

	const texts = await database.read(async (reader) => {
		const columns = (await reader.schema()).tables.get('nasty')?.columns ?? [];
		return reader.rows({ table: 'nasty', columns, orderBy: ['id'] });
	});
	expect(texts).toEqual([
		[1, '1'],
		[2, '0.30000000000000004'],
		[3, '9223372036854775807'],
	]);
});

test('text that is not UTF-8 is an error that names the column, never a replacement character', async () => {
	const { database, other } = await makeNastyDatabase('sqlite');
	await other.run("UPDATE tag SET name = CAST(x'61ff62' AS TEXT) WHERE id = 7");

	await expect(rewrite(database, 'tag')).rejects.toMatchObject({
		code: 'database-read-failed',
		message: expect.stringContaining('tag.name'),
	});
});

test('a damaged page is an error, never an empty table', async () => {
	const { database, other } = await makeNastyDatabase('sqlite');
	await other.run('PRAGMA wal_checkpoint(TRUNCATE)');
	const file = await open(database.location, 'r+');
	const { size } = await file.stat();
	// Everything but the first pages, which hold the schema.
	await file.write(Buffer.alloc(size - 40 * 4096, 0xa5), 0, size - 40 * 4096, 40 * 4096);
	await file.close();

	const reading = database.read(async (reader) => {
		const schema = await reader.schema();
		for (const { name, columns, primaryKey } of schema.tables.values()) {
			await reader.rows({ table: name, columns, orderBy: primaryKey });
		}
	});

	await expect(reading).rejects.toMatchObject({
		code: 'database-read-failed',
		hint: expect.stringContaining('integrity_check'),
	});
});

test('a file that is no database is an error with a way out', async () => {
	const path = join(await temporaryDirectory(), 'kuma.db');
	await writeFile(path, 'not a database, but more than a hundred bytes of something else. '.repeat(40));
	const database = await openDatabase({ type: 'sqlite', path });

	await expect(database.read((reader) => reader.schema())).rejects.toMatchObject({
		code: 'database-read-failed',
		hint: expect.stringContaining('integrity_check'),
	});
});

test('rows that refer to nothing are counted by table', async () => {
	const { database, other } = await makeNastyDatabase('sqlite');
	await other.run('DELETE FROM tag');

	const counts = await database.write(async (writer) => [
		await writer.countBrokenReferences(['monitor_tag']),
		await writer.countBrokenReferences(['group', 'monitor_tag', 'notification']),
		await writer.countBrokenReferences(['notification']),
	]);

	expect(counts).toEqual([65, 65, 0]);
});

test('a trigger that ignores a row, or refuses it, is what the way out is about', async () => {
	const { database, other } = await makeNastyDatabase('sqlite');
	await other.run(`
		CREATE TRIGGER ignores BEFORE INSERT ON tag BEGIN SELECT RAISE(IGNORE); END;
		CREATE TRIGGER refuses BEFORE INSERT ON incident BEGIN SELECT RAISE(ABORT, 'no'); END`);

	for (const table of ['tag', 'incident']) {
		const writing = database.write(async (writer) => {
			const columns = (await writer.schema()).tables.get(table)?.columns ?? [];
			const values = columns.map(({ name }) => (name === 'id' ? 9_999 : 'text'));
			await writer.insert({ table, columns, rows: [values] });
		});
		await expect(writing, table).rejects.toMatchObject({
			hint: expect.stringMatching(new RegExp(`type = 'trigger' AND tbl_name = '${table}'`)),
		});
	}
});

test('no second file is left beside the database when nobody else has it open', async () => {
	const { database, other } = await makeNastyDatabase('sqlite');
	await other.close();

	await rewrite(database, 'tag_of_nothing').catch(() => undefined);
	await database.read((reader) => reader.schema());

	expect((await readdir(dirname(database.location))).sort()).toEqual(['db-config.json', 'kuma.db']);
});

test('Kuma writes on in SQLite while history is deleted', async () => {
	const { database, other } = await makeNastyDatabase('sqlite');
	await other.run(`INSERT INTO heartbeat (monitor_id, status, msg, time, duration)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600000)
		SELECT 7, 1, 'beat number ' || i, '2026-11-24 00:00:00', 0 FROM n`);
	const kuma = startBeating(database.location);
	await waitFor(async () => (await kuma.report()).written > 0, { timeoutMs: 20_000, what: 'The first beat' });

	const deleted = await database.deleteInSlices({ table: 'heartbeat', column: 'monitor_id', values: [7] });

	const { written, givenUp } = await kuma.report();
	expect(deleted).toBe(600_000);
	expect(givenUp).toBe(0);
	expect(written).toBeGreaterThan(10);
});
