import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { CATALOG } from '../../src/catalog/index.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { takeSnapshot } from '../../src/instance/snapshots/take-snapshot.ts';
import type { Database } from '../../src/model/database.ts';
import type { DatabaseKind } from '../../src/model/row.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { type ApplyOutcome, applySnapshot } from '../../src/replica/apply-snapshot.ts';
import { readTree } from '../../src/snapshot/read-tree.ts';
import { writeTree } from '../../src/snapshot/write-tree.ts';
import { DATABASE_KINDS } from '../kit/database-kinds.ts';
import { readTruth, type TruthRow, unpackSqlite } from '../kit/fixtures.ts';
import { publishListed } from '../kit/publish-listed.ts';
import { createdRepository, testPublication } from '../kit/restic.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { testInstance } from '../kit/test-instance.ts';
import { typedRows } from '../kit/typed-rows.ts';
import { useMariadb } from '../kit/use-mariadb.ts';

const mariadb = useMariadb();

const NASTY = {
	sqlite: { database: 'nasty-2.5.3.sqlite.db.gz', truth: 'nasty-2.5.3.rows.json.gz' },
	mariadb: { database: 'nasty-2.5.3.mariadb.sql.gz', truth: 'nasty-2.5.3.mariadb.rows.json.gz' },
} as const;

/** What MariaDB cannot hold of the SQLite fixture, as its README lists it. */
const IMPOSSIBLE_IN_MARIADB = [
	'monitor 64',
	'monitor 68',
	'monitor 69',
	'status_page 1',
	'status_page 31',
	'status_page 7',
];

let databaseCount = 0;

async function openNasty(kind: DatabaseKind): Promise<Database> {
	if (kind === 'sqlite') {
		return openDatabase({
			type: 'sqlite',
			path: await unpackSqlite(NASTY.sqlite.database, await temporaryDirectory()),
		});
	}
	databaseCount += 1;
	const config = await mariadb.createDatabase(`nasty_${databaseCount}`);
	await mariadb.importFixture(NASTY.mariadb.database, config.database);
	return openDatabase(config);
}

/** A migrated database of the same Kuma version without a single row of the catalog. */
async function openEmpty(kind: DatabaseKind): Promise<Database> {
	const database = await openNasty(kind);
	const tables = CATALOG.map(({ name }) => name).toReversed();
	if (kind === 'sqlite') {
		const connection = new DatabaseSync(database.location);
		for (const table of tables) connection.exec(`DELETE FROM "${table}"`);
		connection.close();
	} else {
		const name = database.location.split(' ')[0];
		await mariadb.run(tables.map((table) => `DELETE FROM \`${table}\``).join('; '), name);
	}
	return database;
}

/** Through a real repository, as a snapshot travels. */
async function travel(from: Database): Promise<Snapshot> {
	const [directory, fetched, parent] = await Promise.all([
		temporaryDirectory(),
		temporaryDirectory(),
		temporaryDirectory(),
	]);
	const { repository } = await createdRepository({ location: join(parent, 'repository') });
	const { encoded, manifest } = await takeSnapshot(testInstance({ database: from }), from);
	const { digest } = encoded;
	await writeTree({ directory, encoded, manifest: manifest(null) });
	const { id } = await publishListed(repository, testPublication({ directory, digest }));
	await repository.fetch({ id, directory: fetched });
	return readTree({ directory: fetched, where: 'the test snapshot', expectedDigest: digest });
}

function apply(to: Database, snapshot: Snapshot): Promise<ApplyOutcome> {
	return applySnapshot({
		instance: testInstance({ database: to }),
		database: to,
		reload: NO_RELOAD,
		snapshot,
		previous: snapshot,
		isFirstApply: false,
		guard: 'off',
		allowsDeletes: true,
		keepsLocalEntities: false,
	});
}

const VOLATILE = new Set(['dns_last_result', 'twofa_last_token', 'last_start_date']);

function withoutVolatile(rows: readonly TruthRow[]): TruthRow[] {
	return rows.map((row) =>
		Object.fromEntries(Object.entries(row).filter(([column]) => !VOLATILE.has(column))),
	);
}

describe.each(DATABASE_KINDS)('from %s', (from) => {
	test.each(DATABASE_KINDS)(
		'every nasty value arrives exactly in %s, and a second plan is empty',
		async (to) => {
			const target = await openEmpty(to);
			const snapshot = await travel(await openNasty(from));
			const truth = await readTruth(NASTY[from === 'sqlite' && to === 'mariadb' ? 'mariadb' : from].truth);

			const applied = await apply(target, snapshot);

			const held = applied.plan.heldRows.map(({ table, key }) => `${table} ${key}`);
			const rows = await typedRows(target);
			expect(applied.outcome).toBe('applied');
			for (const [table, found] of rows) {
				const isHeld = (row: TruthRow) => held.includes(`${table} ${row.id}`);
				const extra = (row: TruthRow) =>
					to === 'mariadb' && from === 'sqlite' && table === 'status_page' && row.id === 33;
				const expected = (truth.get(table) ?? []).filter((row) => !isHeld(row));
				expect(withoutVolatile(found.filter((row) => !extra(row))), table).toEqual(withoutVolatile(expected));
			}
			expect(held.filter((row) => IMPOSSIBLE_IN_MARIADB.includes(row)).sort()).toEqual(
				from === 'sqlite' && to === 'mariadb' ? IMPOSSIBLE_IN_MARIADB : [],
			);
			expect((await apply(target, snapshot)).outcome).toBe('unchanged');
		},
	);
});
