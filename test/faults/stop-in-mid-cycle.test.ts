import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { expect, onTestFinished, test } from 'vitest';
import { fakedReplicator } from '../kit/faked-replicator.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { useMariadb } from '../kit/use-mariadb.ts';
import { waitFor } from '../kit/wait-for.ts';
import { writeDatabaseConfig } from '../kit/write-database-config.ts';

/** Docker's own; Kuma's end needs the rest of it. */
const PATIENCE_MS = 9_000;

const mariadb = useMariadb();

test.each([
	['BACKUP', PATIENCE_MS],
	['RESTORE', PATIENCE_MS - 3_000],
] as const)(
	'in mode %s, a stop does not wait for a cycle that waits for its database',
	async (mode, patienceMs) => {
		const { database } = { database: await mariadb.createDatabase(`stop_${mode.toLowerCase()}`) };
		await mariadb.importFixture('plain-2.3.2.mariadb.sql.gz', database.database);
		const replicator = await fakedReplicator({
			mode,
			fixture: null,
			repository: join(await temporaryDirectory('repository'), 'restic'),
		});
		await writeDatabaseConfig(replicator.dataDirectory, database);
		await replicator.start();
		await replicator.waitForStatus('a first cycle', ({ lastCycle, lastError, newest }) =>
			mode === 'BACKUP' ? newest !== null : lastCycle !== null || lastError !== null,
		);
		const { user, password, socketPath = '' } = database;
		const other = await createConnection({ user, password, socketPath, database: database.database });
		onTestFinished(() => other.destroy());
		await other.query("SELECT GET_LOCK(CONCAT('replicator-kuma ', MD5(DATABASE())), 0)");

		replicator.wake();
		await waitFor(
			async () =>
				(await mariadb.ask("SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE = 'User lock'")).length >
				0,
			{ timeoutMs: 20_000, what: 'a cycle that waits' },
		);
		const askedAt = performance.now();
		const exitCode = await replicator.stop();

		expect(performance.now() - askedAt, replicator.log()).toBeLessThan(patienceMs);
		expect(exitCode).toBe(0);
	},
);
