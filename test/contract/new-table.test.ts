import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { CATALOG } from '../../src/catalog/index.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { takeSnapshot } from '../../src/instance/snapshots/take-snapshot.ts';
import type { CatalogTable } from '../../src/model/catalog-table.ts';
import { describePlan } from '../../src/plan/words/describe-plan.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { applySnapshot } from '../../src/replica/apply-snapshot.ts';
import { unpackSqlite } from '../kit/fixtures.ts';
import { PLAIN_APPLY } from '../kit/plain-apply.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { memoryUploads, testInstance } from '../kit/test-instance.ts';

/** A table of some future Kuma: everything that has to be known of it. */
const BADGE: CatalogTable = {
	name: 'badge',
	noun: 'badge',
	plural: 'badges',
	titleColumn: 'label',
	shownColumns: ['label', 'monitor_id'],
	volatileColumns: ['seen_count'],
	softReferences: [{ column: 'monitor_id', toTable: 'monitor' }],
	uploadColumns: ['image'],
};
const MADE = `CREATE TABLE badge (
	id INTEGER PRIMARY KEY,
	label TEXT NOT NULL,
	monitor_id INTEGER,
	image TEXT,
	secret TEXT,
	seen_count INTEGER DEFAULT 0
)`;

async function member(sql: string, files: Readonly<Record<string, Uint8Array>> = {}) {
	const path = await unpackSqlite('plain-2.3.2.sqlite.db.gz', await temporaryDirectory());
	const connection = new DatabaseSync(path);
	connection.exec(`${MADE};${sql}`);
	const database = await openDatabase({ type: 'sqlite', path });
	const uploads = memoryUploads(files);
	const instance = testInstance({ database, catalog: [...CATALOG, BADGE], uploads });
	return {
		database,
		instance,
		uploads,
		badges: () => connection.prepare('SELECT * FROM badge ORDER BY id').all(),
	};
}

test('a table that is described in the catalog travels, with its files, and nothing else has to know of it', async () => {
	const picture = Buffer.from('a picture');
	const leader = await member(
		"INSERT INTO badge VALUES (1, 'Green', 4, '/upload/badge1.png?t=1', 'hunter2', 7)",
		{ 'upload/badge1.png': picture },
	);
	const replica = await member(
		`INSERT INTO badge VALUES (1, 'Old', 4, NULL, 'old', 3), (3, 'Gone', NULL, NULL, NULL, 1)`,
	);
	const taken = await takeSnapshot(leader.instance, leader.database);
	const apply = () =>
		applySnapshot({
			instance: replica.instance,
			database: replica.database,
			reload: NO_RELOAD,
			snapshot: { manifest: taken.manifest(null), content: taken.content },
			...PLAIN_APPLY,
		});

	const { plan } = await apply();

	expect(replica.badges()).toEqual([
		{
			id: 1,
			label: 'Green',
			monitor_id: 4,
			image: '/upload/badge1.png?t=1',
			secret: 'hunter2',
			seen_count: 3,
		},
	]);
	expect(Buffer.from((await replica.uploads.read('upload/badge1.png')) as Uint8Array)).toEqual(picture);
	expect(describePlan(plan, leader.instance.catalog).filter((line) => /badge/.test(line))).toEqual([
		'- badge "Gone" (id 3)',
		'~ badge "Green" (id 1): label "Old" → "Green", image ***, secret ***',
		'+ file upload/badge1.png',
	]);
	expect((await apply()).outcome).toBe('unchanged');
});
