import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openUploads } from '../../src/apply/upload-directory.ts';
import { CATALOG } from '../../src/catalog/index.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { takeSnapshot } from '../../src/instance/snapshots/take-snapshot.ts';
import type { Database } from '../../src/model/database.ts';
import type { DatabaseConfig } from '../../src/model/database-config.ts';
import type { Uploads } from '../../src/model/instance.ts';
import type { DatabaseKind } from '../../src/model/row.ts';
import { takeTables } from '../../src/snapshot/take.ts';
import { uploadedFilesShownBy } from '../../src/snapshot/uploaded-files.ts';
import { writeTree } from '../../src/snapshot/write-tree.ts';
import { applyTrees, type Trees } from '../kit/apply-trees.ts';
import { bundleProgram } from '../kit/bundle-program.ts';
import { DATABASE_KINDS } from '../kit/database-kinds.ts';
import { firstLine } from '../kit/first-line.ts';
import { unpackSqlite } from '../kit/fixtures.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { testInstance } from '../kit/test-instance.ts';
import { useMariadb } from '../kit/use-mariadb.ts';

/** On top of the fixture: what the replica has. */
const OLD = `
	UPDATE status_page SET icon = '/upload/logo1.png?t=1' WHERE id = 1;
	UPDATE status_page SET icon = '/upload/old.png?t=1' WHERE id = 2;
	INSERT INTO heartbeat (monitor_id, status, msg, time, duration)
		SELECT a.id, 1, 'beat', '2026-11-24 00:00:00', 0 FROM monitor a, monitor b, monitor c WHERE a.id IN (2, 5, 20)`;

/** On top of that: what the leader has. Something of every kind of step, and rows that stand in each other's way. */
const NEW = `
	DELETE FROM monitor WHERE id IN (1, 5, 12, 20);
	INSERT INTO monitor (id, name, type, hostname, port, created_date) VALUES (12, 'SMTP', 'port', 'smtp.example.test', 25, '2026-11-01 08:00:00');
	INSERT INTO monitor (id, name, type, created_date) VALUES (30, 'Front end', 'group', '2026-11-01 08:00:00');
	INSERT INTO monitor (id, name, type, url, parent, created_date) VALUES (21, 'Search', 'http', 'http://127.0.0.1:9', 30, '2026-11-01 08:00:00');
	UPDATE monitor SET parent = 30, name = 'Home page' WHERE id = 2;
	UPDATE monitor SET docker_host = NULL WHERE id = 15;
	DELETE FROM docker_host WHERE id = 1;
	INSERT INTO tag (id, name, color, created_date) VALUES (5, 'search', '#7C3AED', '2026-11-01 08:00:00');
	INSERT INTO monitor_tag (id, monitor_id, tag_id, value) VALUES (30, 21, 5, ''), (31, 12, 1, 'it''s new');
	INSERT INTO monitor_notification (id, monitor_id, notification_id) VALUES (40, 21, 1);
	UPDATE status_page SET slug = 'aside', icon = '/upload/logo1.png?t=2' WHERE id = 1;
	UPDATE status_page SET slug = 'public', icon = '/upload/logo2.png?t=2' WHERE id = 2;
	UPDATE status_page SET slug = 'internal' WHERE id = 1;
	UPDATE notification SET name = 'Operations' WHERE id = 1`;

const IMAGES = {
	old: { 'upload/logo1.png': Buffer.from('first logo'), 'upload/old.png': Buffer.from('old logo') },
	new: { 'upload/logo1.png': Buffer.from('its next version'), 'upload/logo2.png': Buffer.from('new logo') },
};

const mariadb = useMariadb();

let programs: string;
let program: string;
beforeAll(async () => {
	programs = await mkdtemp(join(tmpdir(), 'replicator-kuma-programs-'));
	program = await bundleProgram('apply-and-hang', programs);
});
afterAll(() => rm(programs, { recursive: true, force: true }));

interface Place {
	readonly config: DatabaseConfig;
	readonly database: Database;
	readonly dataDirectory: string;
	readonly uploads: Uploads;
}

let databaseCount = 0;

async function makeDatabase(kind: DatabaseKind, directory: string, sql: string): Promise<DatabaseConfig> {
	if (kind === 'sqlite') {
		const path = await unpackSqlite('plain-2.3.2.sqlite.db.gz', directory);
		const connection = new DatabaseSync(path);
		connection.exec(sql);
		connection.close();
		return { type: 'sqlite', path };
	}
	databaseCount += 1;
	const config = await mariadb.createDatabase(`killed_${databaseCount}`);
	await mariadb.importFixture('plain-2.3.2.mariadb.sql.gz', config.database);
	await mariadb.run(sql, config.database);
	return config;
}

async function makePlace(kind: DatabaseKind, state: 'old' | 'new'): Promise<Place> {
	const dataDirectory = await temporaryDirectory('killed');
	const config = await makeDatabase(kind, dataDirectory, state === 'old' ? OLD : `${OLD};${NEW}`);
	await mkdir(join(dataDirectory, 'upload'));
	for (const [path, content] of Object.entries(IMAGES[state]))
		await writeFile(join(dataDirectory, path), content);
	return {
		config,
		dataDirectory,
		database: await openDatabase(config),
		uploads: openUploads(dataDirectory),
	};
}

/** @returns the folder of a snapshot of that place. */
async function writeSnapshot({ database, uploads }: Place): Promise<string> {
	const directory = await temporaryDirectory('snapshot');
	const { encoded, manifest } = await takeSnapshot(testInstance({ database, uploads }), database);
	await writeTree({ directory, encoded, manifest: manifest(null) });
	return directory;
}

/** Applies in another process, which is killed right before that step. @returns the step. */
async function applyAndKill(
	{ config, dataDirectory }: Place,
	request: Trees & { stopAt: number },
): Promise<string> {
	const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
		env: { ...process.env, APPLY_AND_HANG: JSON.stringify({ config, dataDirectory, ...request }) },
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	onTestFinished(() => void child.kill('SIGKILL'));
	const ended = once(child, 'exit');
	const step = await firstLine(child);
	child.kill('SIGKILL');
	await ended;
	return step;
}

/** Everything that is replicated, the settings, and how many heartbeats of a monitor that stays are there. */
async function stateOf({ database }: Place) {
	return database.read(async (reader) => {
		const { tables, settings, schema } = await takeTables(reader, CATALOG);
		const columns = schema.tables.get('heartbeat')?.columns.filter(({ name }) => name === 'monitor_id') ?? [];
		const beats = await reader.rows({ table: 'heartbeat', columns, orderBy: ['id'] });
		return { tables, settings, beats: beats.filter(([monitor]) => monitor === 2).length };
	});
}

/** A page may show an image before its row says so, but never none, and never half of one. */
async function expectWholeImages(place: Place): Promise<void> {
	const { tables } = await stateOf(place);
	const paths = uploadedFilesShownBy(tables, CATALOG);
	expect(paths).toHaveLength(2);
	for (const path of paths) {
		const versions = Object.values(IMAGES).flatMap((images) => Object.entries(images));
		const known = versions.flatMap(([name, content]) => (name === path ? [content] : []));
		expect(known, path).toContainEqual(await readFile(join(place.dataDirectory, path)));
	}
}

test.each(DATABASE_KINDS)(
	'an apply that is killed at any statement leaves the old or the new state in %s, and the next one heals',
	{ timeout: 600_000 },
	async (kind) => {
		const wanted = await writeSnapshot(await makePlace(kind, 'new'));
		const untouched = await makePlace(kind, 'old');
		const snapshots = { wanted, previous: await writeSnapshot(untouched) };
		const oldState = await stateOf(untouched);
		await applyTrees(untouched, snapshots);
		const newState = await stateOf(untouched);
		const steps: string[] = [];

		for (let stopAt = 1; ; stopAt += 1) {
			const place = await makePlace(kind, 'old');
			const step = await applyAndKill(place, { ...snapshots, stopAt });
			if (step === 'applied') break;
			const isCommitted = steps.includes('commit');
			steps.push(step);
			const where = `killed before step ${stopAt}, ${step}`;

			expect(await stateOf(place), where).toEqual(isCommitted ? newState : oldState);
			await expectWholeImages(place);
			expect((await applyTrees(place, snapshots)).outcome, where).toMatch(/applied|unchanged/);
			expect(await stateOf(place), where).toEqual(newState);
			expect((await applyTrees(place, snapshots)).outcome, where).toBe('unchanged');
			expect((await readdir(join(place.dataDirectory, 'upload'))).sort()).toEqual(['logo1.png', 'logo2.png']);
		}

		expect(newState).not.toEqual(oldState);
		for (const kindOfStep of [
			'write',
			'delete history',
			'delete from',
			'insert',
			'update',
			'commit',
			'remove',
		])
			expect(steps).toContainEqual(expect.stringMatching(`^${kindOfStep}`));
	},
);
