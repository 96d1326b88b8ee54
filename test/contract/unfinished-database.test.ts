import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/database/open-database.ts';
import { publishCycle } from '../../src/leader/publish-cycle.ts';
import type { Database } from '../../src/model/database.ts';
import type { DatabaseKind } from '../../src/model/row.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { restoreCycle } from '../../src/replica/restore-cycle.ts';
import { DATABASE_KINDS } from '../kit/database-kinds.ts';
import { unpackSqlite } from '../kit/fixtures.ts';
import { memoryRepository, memoryStore } from '../kit/memory-repository.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { testInstance } from '../kit/test-instance.ts';
import { useMariadb } from '../kit/use-mariadb.ts';

const mariadb = useMariadb();

/** One cycle of each role on a database. The repository is empty: whoever gets as far as that says so. */
async function runCycles(database: Database, migrations: ReadonlySet<string> | null = null) {
	const instance = {
		...testInstance({ database, kuma: { version: '2.3.2', monitorTypes: null, migrations } }),
		repository: memoryRepository({ store: memoryStore(), fleet: 'default' }),
		reload: { ...NO_RELOAD, reload: () => Promise.reject(new Error('Kuma must be left alone')) },
	};
	await instance.repository.create();
	const guard = 'off' as const;
	const orders = { takesOver: false, allowsDeletes: false };
	const retention = { last: 1, days: 0, months: 0 };
	return {
		replica: await restoreCycle({ instance, guard, allowsDeletes: false, isForced: true }),
		leader: await publishCycle({ instance, guard, retention, orders }).catch((error: unknown) => error),
	};
}

async function openPlain(sql = ''): Promise<Database> {
	const path = await unpackSqlite('plain-2.3.2.sqlite.db.gz', await temporaryDirectory());
	const connection = new DatabaseSync(path);
	connection.exec(sql);
	connection.close();
	return openDatabase({ type: 'sqlite', path });
}

async function emptyDatabase(kind: DatabaseKind): Promise<Database> {
	if (kind === 'mariadb') return openDatabase(await mariadb.createDatabase('empty'));
	const path = join(await temporaryDirectory(), 'kuma.db');
	await writeFile(path, '');
	return openDatabase({ type: 'sqlite', path });
}

test.each(DATABASE_KINDS)(
	'a %s database in which Kuma has made no tables yet is not set up, which is no error',
	async (kind) => {
		const database = await emptyDatabase(kind);

		const { leader } = await runCycles(database);

		const reason = 'The database has none of the tables of Uptime Kuma yet';
		expect(leader).toEqual({ outcome: 'not-set-up', reason });
	},
);

test.each([
	['UPDATE knex_migrations_lock SET is_locked = 1'],
	[`UPDATE setting SET value = '"migrating"' WHERE key = 'migrateAggregateTableState'`],
])('a database that Kuma is migrating is left alone: %s', async (sql) => {
	const { leader } = await runCycles(await openPlain(sql));

	expect(leader).toEqual({ outcome: 'not-set-up', reason: 'Uptime Kuma is migrating its database' });
});

test('a database of an older Kuma is left alone until the installed one has migrated it', async () => {
	const done = '2023-08-16-0000-create-uptime.js';

	const pending = await runCycles(await openPlain(), new Set([done, '2099-01-01-0000-new.js']));
	const finished = await runCycles(await openPlain(), new Set([done]));

	const notSetUp = { outcome: 'not-set-up', reason: 'Uptime Kuma still has 1 migration to run' };
	expect(pending).toEqual({ replica: notSetUp, leader: notSetUp });
	expect(finished.replica.outcome).toBe('nothing-published');
});
