import { open } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { CATALOG } from '../../src/catalog/index.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { openSnapshotDirectory } from '../../src/instance/snapshots/snapshot-directory.ts';
import { prepareStateDirectory } from '../../src/instance/state-folder/data-directory.ts';
import { publishCycle } from '../../src/leader/publish-cycle.ts';
import type { Database } from '../../src/model/database.ts';
import type { FleetInstance } from '../../src/model/instance.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { DATABASE_KINDS } from '../kit/database-kinds.ts';
import { type MemoryStore, memoryRepository, memoryStore } from '../kit/memory-repository.ts';
import { makeNastyDatabase } from '../kit/nasty-database.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { testInstance } from '../kit/test-instance.ts';
import { useMariadb } from '../kit/use-mariadb.ts';

const TABLES = CATALOG.map(({ name }) => name);

const mariadb = useMariadb((server) => server.run(`CREATE USER 'reader'@'%' IDENTIFIED BY 'reader'`));

/** A leader's database that one table can no longer be read from. */
interface Breakable {
	readonly database: Database;
	/** Runs SQL as Kuma does. */
	run(sql: string): Promise<void>;
	breakTable(table: string): Promise<void>;
	repair(): Promise<void>;
}

/** The first page of the table's tree is overwritten. */
async function breakableSqlite(): Promise<Breakable> {
	const { database, other } = await makeNastyDatabase('sqlite');
	let undo = async () => {};
	return {
		database,
		run: (sql) => other.run(sql),
		breakTable: async (table) => {
			await other.run('PRAGMA wal_checkpoint(TRUNCATE)');
			await other.close();
			const connection = new DatabaseSync(database.location, { readOnly: true });
			const { size, page } = connection
				.prepare(
					"SELECT s.page_size AS size, t.rootpage AS page FROM pragma_page_size AS s, sqlite_schema AS t WHERE t.type = 'table' AND t.name = ?",
				)
				.get(table) as { size: number; page: number };
			connection.close();
			undo = await overwrite(database.location, { start: size * (page - 1), size });
		},
		repair: () => undo(),
	};
}

/** Writes nonsense into a file. @returns what puts the bytes back that were there. */
async function overwrite(path: string, at: { start: number; size: number }): Promise<() => Promise<void>> {
	const write = async (bytes: Buffer) => {
		const file = await open(path, 'r+');
		await file.write(bytes, 0, at.size, at.start);
		await file.close();
	};
	const file = await open(path);
	const { buffer } = await file.read(Buffer.alloc(at.size), 0, at.size, at.start);
	await file.close();
	await write(Buffer.alloc(at.size, 0xa5));
	return () => write(buffer);
}

/** Kuma's user keeps every right to the table but that to read it. */
async function breakableMariadb(): Promise<Breakable> {
	const { config, other } = await makeNastyDatabase('mariadb', mariadb);
	if (config.type !== 'mariadb') throw new Error('not a MariaDB server');
	const on = (table: string) => `ON \`${config.database}\`.\`${table}\` `;
	const grants = ['setting', 'knex_migrations_lock', ...TABLES].map(
		(table) => `GRANT SELECT, INSERT ${on(table)} TO 'reader'@'%'`,
	);
	await mariadb.run(grants.join('; '));
	return {
		database: await openDatabase({ ...config, user: 'reader', password: 'reader' }),
		run: (sql) => other.run(sql),
		breakTable: (table) => mariadb.run(`REVOKE SELECT ${on(table)} FROM 'reader'@'%'`),
		repair: () => mariadb.run(grants.join('; ')),
	};
}

const BREAKABLE = { sqlite: breakableSqlite, mariadb: breakableMariadb };

async function makeLeader(database: Database, store: MemoryStore): Promise<FleetInstance> {
	const paths = await prepareStateDirectory(await temporaryDirectory('leader'));
	return {
		...testInstance({
			database,
			mode: 'BACKUP',
			snapshots: openSnapshotDirectory(paths),
		}),
		repository: memoryRepository({ store }),
		reload: NO_RELOAD,
	};
}

function publish(instance: FleetInstance) {
	return publishCycle({
		instance,
		retention: { last: 100, days: 30, months: 12 },
		guard: 'off',
		orders: { takesOver: false, allowsDeletes: false },
	});
}

describe.each(DATABASE_KINDS)('an export from %s', (kind) => {
	test.each(TABLES)('that fails at the table %s publishes nothing', async (table) => {
		const place = await BREAKABLE[kind]();
		const store = memoryStore();
		const leader = await makeLeader(place.database, store);
		expect(await publish(leader)).toMatchObject({ outcome: 'published' });
		await place.run("UPDATE tag SET name = 'another name' WHERE id = 7");
		await place.breakTable(table);
		const [kept, remembered] = [[...store.kept], leader.state.read()];

		const publishing = publish(leader);

		await expect(publishing).rejects.toMatchObject({
			name: 'ReplicatorError',
			code: 'database-read-failed',
			message: expect.stringContaining(`the table ${table} of`),
		});
		expect(store.kept).toEqual(kept);
		expect(leader.state.read()).toEqual(remembered);
		await place.repair();
		expect(await publish(leader)).toMatchObject({ outcome: 'published', snapshot: { generation: 2 } });
	});

	test('of a Kuma that does not have a table leaves it out', async () => {
		const place = await BREAKABLE[kind]();
		await place.run('DROP TABLE status_page_cname');
		const store = memoryStore();

		const published = await publish(await makeLeader(place.database, store));

		expect(published).toMatchObject({ outcome: 'published' });
		expect([...(store.kept[0]?.files.keys() ?? [])].sort()).toEqual([
			'manifest.json',
			...TABLES.filter((table) => table !== 'status_page_cname')
				.map((table) => `tables/${table}.csv`)
				.sort(),
		]);
	});
});
