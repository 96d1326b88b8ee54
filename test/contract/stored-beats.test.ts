import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src/database/open-database.ts';
import { watchStoredBeats } from '../../src/instance/stored-beats.ts';
import { unpackSqlite } from '../kit/fixtures.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const SECOND = 1_000;

/** A Kuma that stands still, with three active monitors every 20 s, and a push monitor and a group beside them. */
async function standingKuma() {
	const path = await unpackSqlite('plain-2.3.2.sqlite.db.gz', await temporaryDirectory('data'));
	const kuma = new DatabaseSync(path);
	onTestFinished(() => kuma.close());
	kuma.exec(`
		UPDATE monitor SET active = 0;
		UPDATE monitor SET active = 1, interval = 20, timeout = 16, maxretries = 0, type = 'http' WHERE id IN (1, 2, 3);
		UPDATE monitor SET active = 1, interval = 20, type = 'push' WHERE id = 4;
		UPDATE monitor SET active = 1, interval = 20, type = 'group' WHERE id = 5;
	`);
	let now = 5_000_000;
	const stored = watchStoredBeats(async () => ({
		outcome: 'opened',
		database: await openDatabase({ type: 'sqlite', path }),
	}));
	return {
		stored,
		beat: (...monitors: readonly number[]) => {
			for (const id of monitors) {
				// A clock that is wrong by years is no sign of life, and none of death.
				kuma
					.prepare("INSERT INTO heartbeat (monitor_id, status, time, msg) VALUES (?, 1, '1999-01-01', '')")
					.run(id);
			}
		},
		/** Looks every 30 s, as long as told. */
		pass: async (seconds: number, beforeEach: () => void = () => undefined) => {
			let report = await stored.read(now);
			for (let passed = 0; passed < seconds; passed += 30) {
				now += 30 * SECOND;
				beforeEach();
				report = await stored.read(now);
			}
			return report;
		},
	};
}

test('beats are seen by their ids, and what was there before is none', async () => {
	const { pass, beat } = await standingKuma();

	expect(await pass(0)).toMatchObject({ monitors: 3, sinceBeatMs: null, isMissing: false });
	expect(await pass(300, () => beat(1, 2, 3))).toMatchObject({ sinceBeatMs: 0, isMissing: false });
	expect(await pass(30)).toMatchObject({ sinceBeatMs: 30 * SECOND, isMissing: false });
	expect(await pass(120)).toMatchObject({ monitors: 3, overdue: 3, isMissing: true });
	expect(await pass(30, () => beat(2))).toMatchObject({ isMissing: false });
});

test('a push monitor and a group that beat do not stand for the others', async () => {
	const { pass, beat } = await standingKuma();

	expect(await pass(300, () => beat(4, 5))).toMatchObject({ monitors: 3, overdue: 3, isMissing: true });
});

test('who watched meanwhile with another eye begins anew', async () => {
	const { pass, stored } = await standingKuma();
	expect(await pass(300)).toMatchObject({ isMissing: true });

	stored.forget();

	expect(await pass(0)).toMatchObject({ overdue: 0, isMissing: false });
});

test('where nothing is set up yet, there is nothing to say', async () => {
	const stored = watchStoredBeats(async () => ({ outcome: 'not-set-up', reason: 'the wizard waits' }));

	expect(await stored.read(0)).toBeNull();
});
