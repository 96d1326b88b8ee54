import { afterEach, expect, test } from 'vitest';
import { WorkQueue } from '../../src/timing/work-queue.ts';
import { fleetMember } from '../kit/fleet-member.ts';
import { memoryRepository } from '../kit/memory-repository.ts';
import { useMariadb } from '../kit/use-mariadb.ts';

const LIMITS = { limitMs: 3_000, graceMs: 3_000 };
const tooLong = { code: 'cycle-timed-out', isRetryable: true };

const mariadb = useMariadb();
afterEach(() => mariadb.thaw());

test.each(['BACKUP', 'RESTORE'] as const)(
	'a MariaDB that hangs costs one cycle of an instance in mode %s, and nothing else',
	{ timeout: 120_000 },
	async (mode) => {
		const repository = memoryRepository();
		const first = await fleetMember({ mode: 'BACKUP', repository });
		if (mode === 'RESTORE') await first.cycle();
		const database = await mariadb.createDatabase(`hung_cycle_${mode.toLowerCase()}`);
		await mariadb.importFixture('plain-2.3.2.mariadb.sql.gz', database.database);
		const work = new WorkQueue(LIMITS);
		const member = await fleetMember({ mode, repository, database, signal: () => work.signal });

		await mariadb.freeze();
		await expect(work.run(() => member.cycle())).rejects.toMatchObject(tooLong);
		await mariadb.thaw();

		const outcome = mode === 'BACKUP' ? 'published' : expect.stringMatching(/^(?:applied|held|unchanged)$/);
		expect(await work.run(() => member.cycle())).toMatchObject({ outcome });
	},
);
