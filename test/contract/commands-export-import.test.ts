import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import type { DatabaseConfig } from '../../src/model/database-config.ts';
import { DATABASE_KINDS } from '../kit/database-kinds.ts';
import { EMPTY_CATALOG, emptySqliteCatalog } from '../kit/empty-catalog.ts';
import { unpackSqlite } from '../kit/fixtures.ts';
import { lastingRows } from '../kit/lasting-rows.ts';
import { expectFailure, runCommand } from '../kit/run-command.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { useMariadb } from '../kit/use-mariadb.ts';

const mariadb = useMariadb();

/** A data directory as Kuma keeps it, and the database that its db-config.json names. */
interface Place {
	readonly dataDirectory: string;
	readonly config: DatabaseConfig;
}

async function sqlitePlace(fixture: string): Promise<Place> {
	const dataDirectory = await temporaryDirectory('data');
	const path = await unpackSqlite(fixture, dataDirectory);
	return { dataDirectory, config: { type: 'sqlite', path } };
}

let databaseCount = 0;

async function mariadbPlace(fixture: string): Promise<Place & { readonly database: string }> {
	const dataDirectory = await temporaryDirectory('data');
	databaseCount += 1;
	const config = await mariadb.createDatabase(`place_${databaseCount}`);
	await mariadb.importFixture(fixture, config.database);
	// Kuma writes the port as text or as a number, as it got it.
	const { host: hostname, port, user: username, password, database: dbName } = config;
	const written = { type: 'mariadb', hostname, port: String(port), dbName, username, password };
	await writeFile(join(dataDirectory, 'db-config.json'), JSON.stringify(written));
	return { dataDirectory, config, database: config.database };
}

async function emptySqlitePlace(fixture: string): Promise<Place> {
	const place = await sqlitePlace(fixture);
	emptySqliteCatalog(join(place.dataDirectory, 'kuma.db'));
	return place;
}

async function emptyMariadbPlace(fixture: string): Promise<Place & { readonly database: string }> {
	const place = await mariadbPlace(fixture);
	const { tables } = await schemaOf(place.database);
	await mariadb.run(
		EMPTY_CATALOG.split('; ')
			.filter((statement) => tables.some((table) => statement.endsWith(`\`${table}\``)))
			.join('; '),
		place.database,
	);
	return place;
}

async function schemaOf(database: string): Promise<{ tables: string[] }> {
	const { stdout } = await client(['--batch', '--skip-column-names', '--execute', 'SHOW TABLES', database]);
	return { tables: stdout.split('\n') };
}

function client(arguments_: readonly string[], input = '') {
	const options = ['--no-defaults', `--socket=${mariadb.socketPath}`, '--default-character-set=utf8mb4'];
	return execa('mariadb', [...options, ...arguments_], { input, timeout: 30_000 });
}

async function exportTo(place: Place, ...options: readonly string[]): Promise<string> {
	const directory = join(await temporaryDirectory('export'), 'kuma');
	const end = await runCommand(['export', directory, ...options], { DATA_DIR: place.dataDirectory });
	expect(end).toMatchObject({ exitCode: 0, stderr: '' });
	return directory;
}

const FIXTURES = {
	sqlite: [
		'nasty-2.5.3.sqlite.db.gz',
		'plain-2.0.2.sqlite.db.gz',
		'plain-2.3.2.sqlite.db.gz',
		'big-2.5.3.sqlite.db.gz',
	],
	mariadb: ['nasty-2.5.3.mariadb.sql.gz', 'plain-2.3.2.mariadb.sql.gz'],
};
const PLACES = {
	sqlite: { place: sqlitePlace, emptyPlace: emptySqlitePlace },
	mariadb: { place: mariadbPlace, emptyPlace: emptyMariadbPlace },
};

describe.each(
	DATABASE_KINDS.flatMap((kind) => FIXTURES[kind].map((fixture) => ({ fixture, ...PLACES[kind] }))),
)('$fixture', ({ fixture, place, emptyPlace }) => {
	test('export and import move every value into an empty database exactly, and a second import changes nothing', async () => {
		const [from, to] = [await place(fixture), await emptyPlace(fixture)];
		const before = await lastingRows(from.config);
		const env = { DATA_DIR: to.dataDirectory };

		const directory = await exportTo(from);
		const first = await runCommand(['import', directory, '--json'], env);
		const second = await runCommand(['import', directory, '--json'], env);

		expect(JSON.parse(first.stdout)).toMatchObject({
			outcome: 'applied',
			removed: 0,
			changed: 0,
			heldRows: [],
		});
		expect(await lastingRows(to.config)).toEqual(before);
		expect(JSON.parse(second.stdout)).toMatchObject({ outcome: 'unchanged', changes: 0, details: [] });
		expect([first.exitCode, second.exitCode, first.stderr, second.stderr]).toEqual([0, 0, '', '']);
		expect(await lastingRows(from.config)).toEqual(before);
	});

	test('export --format sql is run by a plain client of the database', async () => {
		const [from, to] = [await place(fixture), await emptyPlace(fixture)];

		const directory = await exportTo(from, '--format', 'sql');
		const text = await readFile(join(directory, 'kuma.sql'), 'utf8');
		if (to.config.type === 'sqlite') runSqlite(to.config.path, text);
		else await client([to.config.database], text);

		expect(await lastingRows(to.config)).toEqual(await lastingRows(from.config));
	});

	test('export --format json gives every value to programs', async () => {
		const from = await place(fixture);

		const directory = await exportTo(from, '--format', 'json');

		for (const [table, rows] of await lastingRows(from.config)) {
			const text = await readFile(join(directory, 'tables', `${table}.json`), 'utf8');
			expect(JSON.parse(text), table).toEqual(JSON.parse(JSON.stringify(rows, bigintAsObject)));
		}
	});
});

function runSqlite(path: string, text: string): void {
	const connection = new DatabaseSync(path);
	try {
		connection.exec(text);
	} finally {
		connection.close();
	}
}

function bigintAsObject(_key: string, value: unknown): unknown {
	return typeof value === 'bigint' ? { int: value.toString() } : value;
}

test.each(['csv', 'sql', 'json'])('what export --format %s writes is for this user only', async (format) => {
	const from = await sqlitePlace('plain-2.3.2.sqlite.db.gz');
	const existing = await temporaryDirectory('export');

	const end = await runCommand(['export', existing, '--format', format], { DATA_DIR: from.dataDirectory });

	const entries = await readdir(existing, { withFileTypes: true, recursive: true });
	const modes = await Promise.all(
		entries.map(async (entry) => [
			entry.isDirectory() ? 'folder' : 'file',
			((await stat(join(entry.parentPath, entry.name))).mode & 0o777).toString(8),
		]),
	);
	expect(end.exitCode).toBe(0);
	expect(new Set(modes.map((mode) => mode.join(' ')))).toEqual(
		new Set(format === 'sql' ? ['file 600'] : ['folder 700', 'file 600']),
	);
	expect((await stat(existing)).mode & 0o777).toBe(0o700);
});

test('export makes a folder private that was open to others', async () => {
	const from = await sqlitePlace('plain-2.3.2.sqlite.db.gz');
	const existing = await temporaryDirectory('export');
	await execa('chmod', ['755', existing]);

	const end = await runCommand(['export', existing], { DATA_DIR: from.dataDirectory });

	expect(end.exitCode).toBe(0);
	expect((await stat(existing)).mode & 0o777).toBe(0o700);
});

test('export --json says what was written where', async () => {
	const from = await sqlitePlace('plain-2.3.2.sqlite.db.gz');
	const directory = join(await temporaryDirectory('export'), 'deep', 'down');

	const end = await runCommand(['export', directory, '--json'], { DATA_DIR: from.dataDirectory });

	expect(JSON.parse(end.stdout)).toEqual({
		directory,
		format: 'csv',
		digest: expect.stringMatching(/^[0-9a-f]{64}$/),
		tables: 18,
		rows: expect.any(Number),
		files: 0,
		missingImages: [],
	});
});

test('export says which images of status pages cannot be read', async () => {
	const { dataDirectory } = await sqlitePlace('plain-2.3.2.sqlite.db.gz');
	await mkdir(join(dataDirectory, 'upload', 'logo.png'), { recursive: true });
	const database = new DatabaseSync(join(dataDirectory, 'kuma.db'));
	database.exec("UPDATE status_page SET icon = '/upload/logo.png' WHERE id = 2");
	database.close();
	const run = async (...words: string[]) =>
		runCommand(['export', await temporaryDirectory('export'), ...words], { DATA_DIR: dataDirectory });

	const [said, json] = [await run(), await run('--json')];

	expect(said.stdout).toMatch(
		/Exported \d+ rows .*\nWithout images that cannot be read: "upload\/logo\.png" of status page ".+" is a folder\./,
	);
	expect(said.exitCode).toBe(0);
	expect(JSON.parse(json.stdout)).toMatchObject({ files: 0, missingImages: [{ path: 'upload/logo.png' }] });
});

test('import --dry-run says what would change, and changes nothing', async () => {
	const fixture = 'plain-2.3.2.sqlite.db.gz';
	const [from, to] = [await sqlitePlace(fixture), await emptySqlitePlace(fixture)];
	const before = await lastingRows(to.config);

	const directory = await exportTo(from);
	const end = await runCommand(['import', directory, '--dry-run'], { DATA_DIR: to.dataDirectory });

	expect(end).toMatchObject({ exitCode: 0, stderr: '' });
	expect(end.stdout).toMatch(/^Would make \d+ changes/);
	expect(end.stdout).toMatch(/\n {2}\+ monitor "/);
	expect(await lastingRows(to.config)).toEqual(before);
});

test('import holds back what would delete monitors of an instance, until it is told to', async () => {
	const fixture = 'plain-2.3.2.sqlite.db.gz';
	const [from, to] = [await emptySqlitePlace(fixture), await sqlitePlace(fixture)];
	const before = await lastingRows(to.config);
	const env = { DATA_DIR: to.dataDirectory };

	const directory = await exportTo(from);
	const held = await runCommand(['import', directory], env);
	const afterHeld = await lastingRows(to.config);
	const done = await runCommand(['import', directory, '--allow-deletes', '--json'], env);

	expect(held).toMatchObject({ exitCode: 3, stdout: expect.stringContaining('--allow-deletes') });
	expect(afterHeld).toEqual(before);
	expect(done.exitCode).toBe(0);
	expect(JSON.parse(done.stdout)).toMatchObject({ outcome: 'applied', added: 0 });
	expect((await lastingRows(to.config)).get('monitor')).toEqual([]);
});

describe('import changes nothing and says why', () => {
	const fixture = 'plain-2.3.2.sqlite.db.gz';
	const edit = async (path: string, change: (text: string) => string) =>
		writeFile(path, change(await readFile(path, 'utf8')));

	test.each([
		['a manifest that is cut off', 'manifest.json', (text: string) => text.slice(0, 500), /not JSON/],
		['a manifest of nothing', 'manifest.json', () => '{}', /manifest of the snapshot .* cannot be used/],
		[
			'a table that somebody edited',
			'tables/tag.csv',
			(text: string) => text.replace('"1"', '"2"'),
			/tables\/tag.csv is not what the manifest describes/,
		],
		[
			'a table that is cut off',
			'tables/monitor.csv',
			(text: string) => text.slice(0, -20),
			/tables\/monitor.csv is not what the manifest describes/,
		],
	])('from a folder with %s', async (_name, file, change, message) => {
		const [from, to] = [await sqlitePlace(fixture), await emptySqlitePlace(fixture)];
		const before = await lastingRows(to.config);
		const directory = await exportTo(from);
		await edit(join(directory, file), change);

		const end = await runCommand(['import', directory], { DATA_DIR: to.dataDirectory });

		expectFailure(end, { exitCode: 1, message, hint: /Export it again/ });
		expect(await lastingRows(to.config)).toEqual(before);
	});

	test.each([
		['a folder without an export', (data: string) => data, /has no manifest\.json/],
		['a file', (data: string) => join(data, 'kuma.db'), /has no manifest\.json/],
		['a folder that does not exist', (data: string) => join(data, 'nowhere'), /has no manifest\.json/],
	])('from %s', async (_name, directory, message) => {
		const { dataDirectory } = await sqlitePlace(fixture);

		const end = await runCommand(['import', directory(dataDirectory)], { DATA_DIR: dataDirectory });

		expectFailure(end, { exitCode: 1, message, hint: /Name a folder that "replicator-kuma export"/ });
	});

	test('from an export of a newer format', async () => {
		const place = await sqlitePlace(fixture);
		const directory = await exportTo(place);
		await edit(join(directory, 'manifest.json'), (text) =>
			text.replace('"formatVersion": 1', '"formatVersion": 2'),
		);

		const end = await runCommand(['import', directory], { DATA_DIR: place.dataDirectory });

		expectFailure(end, { exitCode: 1, message: /has format 2/, hint: /Upgrade replicator-kuma/ });
	});
});

describe('export writes nothing and says why', () => {
	test('into a folder that holds something', async () => {
		const { dataDirectory } = await sqlitePlace('plain-2.3.2.sqlite.db.gz');

		const end = await runCommand(['export', dataDirectory], { DATA_DIR: dataDirectory });

		expectFailure(end, { exitCode: 1, message: /is not empty/, hint: /nothing is overwritten/ });
		expect((await readdir(dataDirectory)).sort()).toEqual(['db-config.json', 'kuma.db']);
	});

	test('into a place where no folder can be', async () => {
		const { dataDirectory } = await sqlitePlace('plain-2.3.2.sqlite.db.gz');

		const end = await runCommand(['export', join(dataDirectory, 'kuma.db', 'export')], {
			DATA_DIR: dataDirectory,
		});

		expectFailure(end, { exitCode: 1, message: /Could not create .*ENOTDIR/, hint: /Move it away/ });
	});

	test.each([
		['nobody has chosen a database yet', '{}', /is not set up yet: .*names no database/],
		['db-config.json is broken', '{"type":"sqli', /db-config\.json cannot be used: it is not a JSON object/],
		['db-config.json names an unknown database', '{"type":"oracle"}', /its type is "oracle"/],
		['the database is not there', '{"type":"sqlite"}', /kuma\.db does not exist yet/],
		[
			'the server does not answer',
			'{"type":"mariadb","hostname":"127.0.0.1","port":1,"dbName":"kuma","username":"kuma","password":"not-to-be-shown"}',
			/cannot be reached \(ECONNREFUSED\)/,
		],
	])('when %s', async (_name, written, message) => {
		const dataDirectory = await temporaryDirectory('data');
		await writeFile(join(dataDirectory, 'db-config.json'), written);
		const target = join(dataDirectory, 'export');

		const end = await runCommand(['export', target], { DATA_DIR: dataDirectory });

		expectFailure(end, { exitCode: 1, message, hint: /\n(?:Choose|Let|Check) / });
		expect(end.stderr + end.stdout).not.toContain('not-to-be-shown');
		await expect(stat(target)).rejects.toMatchObject({ code: 'ENOENT' });
	});
});
