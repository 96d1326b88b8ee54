import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/database/open-database.ts';
import { takeSnapshot } from '../../src/instance/snapshots/take-snapshot.ts';
import type { HeldRow } from '../../src/model/state.ts';
import { planSnapshot } from '../../src/replica/plan-snapshot.ts';
import { unpackSqlite } from '../kit/fixtures.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { testInstance } from '../kit/test-instance.ts';

/** What a replica on Kuma 2.0.2 says of the monitors of a leader on 2.3.2. */
async function planForOlder(edit: string): Promise<readonly HeldRow[]> {
	const path = await unpackSqlite('plain-2.3.2.sqlite.db.gz', await temporaryDirectory());
	const connection = new DatabaseSync(path);
	connection.exec(edit);
	connection.close();
	const leader = openDatabase({ type: 'sqlite', path });
	const taken = await takeSnapshot(testInstance({ database: await leader }), await leader);
	const older = await unpackSqlite('plain-2.0.2.sqlite.db.gz', await temporaryDirectory());
	const database = await openDatabase({ type: 'sqlite', path: older });
	const { plan } = await planSnapshot({
		instance: testInstance({ database }),
		database,
		snapshot: { manifest: taken.manifest(null), content: taken.content },
		previous: null,
		isFirstApply: true,
		guard: 'off',
		allowsDeletes: false,
		keepsLocalEntities: false,
	});
	return plan.heldRows.filter(({ table }) => table === 'monitor');
}

test("what Kuma's form leaves in columns that a monitor's type does not use keeps no monitor from running", async () => {
	const held = await planForOlder(`
		UPDATE monitor SET location = 'world', system_service_name = '', ws_subprotocol = 'chat', ping_count = 3
	`);

	expect(held).toEqual([]);
});

test('a monitor whose type uses a column that the older Kuma lacks is paused, and named', async () => {
	const held = await planForOlder(`UPDATE monitor SET type = 'globalping', location = 'Berlin' WHERE id = 1`);

	expect(held).toMatchObject([{ key: '1', how: 'paused', reason: 'this Kuma has no location' }]);
});

test('a monitor that works without the column is there with less, and named', async () => {
	const held = await planForOlder('UPDATE monitor SET save_response = 1 WHERE id = 1');

	expect(held).toMatchObject([{ key: '1', how: 'partial', reason: 'this Kuma has no save_response' }]);
});
