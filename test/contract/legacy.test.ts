import { describe, expect, test } from 'vitest';
import type { DatabaseConfig } from '../../src/model/database-config.ts';
import type { DatabaseKind } from '../../src/model/row.ts';
import { DATABASE_KINDS } from '../kit/database-kinds.ts';
import { EMPTY_CATALOG } from '../kit/empty-catalog.ts';
import { findDifferences } from '../kit/find-differences.ts';
import { type FleetMember, fleetMember, type MemberOptions } from '../kit/fleet-member.ts';
import { legacyRepository } from '../kit/legacy-repository.ts';
import { useMariadb } from '../kit/use-mariadb.ts';

const NEWEST = { sqlite: 'a817591c', mariadb: 'cdb7a70a' } as const;

/** What the original does not export; a monitor without its Docker host does not run. */
const NOT_EXPORTED = [
	'status_page_cname/1: missing on the replica',
	'docker_host/1: missing on the replica',
	'monitor/15 docker_host: 1 ≠ NULL',
];
const NO_DOCKER_HOST = 'its Docker host 1 is not there';

const mariadb = useMariadb();

let databaseCount = 0;

/** A database of Kuma 2.3.2 on MariaDB in which nobody has set anything up. */
async function emptyMariadb(): Promise<DatabaseConfig & { type: 'mariadb' }> {
	databaseCount += 1;
	const config = await mariadb.createDatabase(`legacy_${databaseCount}`);
	await mariadb.importFixture('plain-2.3.2.mariadb.sql.gz', config.database);
	await mariadb.run(EMPTY_CATALOG, config.database);
	return config;
}

/** An instance without anything of its own. */
async function emptyMember(kind: DatabaseKind, options: Pick<MemberOptions, 'mode' | 'repository' | 'env'>) {
	return fleetMember(
		kind === 'sqlite' ? { ...options, isEmpty: true } : { ...options, database: await emptyMariadb() },
	);
}

function differences(leader: FleetMember, replica: FleetMember): Promise<string[]> {
	const { heldRows } = replica.state;
	return findDifferences({ leader: leader.dataDirectory, replica: replica.dataDirectory, heldRows });
}

describe.each(DATABASE_KINDS)('a replica on %s', { timeout: 180_000 }, (kind) => {
	test.each(['sqlite', 'mariadb'] as const)(
		'follows an original leader on %s, and then the leader that took its place, without anybody doing anything',
		async (original) => {
			const legacy = await legacyRepository(original);
			const { repository, calls, restic } = await legacy.open();
			const replica = await emptyMember(kind, { mode: 'RESTORE', repository });
			const leader = await fleetMember({ mode: 'BACKUP', repository: (await legacy.open()).repository });

			const followed = await replica.cycle();
			const differencesAtFirst = await differences(leader, replica);
			const heldAtFirst = replica.state.heldRows;
			const callsBefore = calls.length;
			const idle = await replica.cycle();
			const idleCalls = calls.slice(callsBefore).map(({ command }) => command);
			await replica.restart();
			const restarted = await replica.cycle();
			const led = await leader.cycle();
			const changedOver = await replica.cycle();
			await restic('forget', ...(await replicatedIds(restic)));
			const leftAlone = await replica.cycle();

			expect(followed).toMatchObject({
				outcome: 'applied',
				summary: expect.stringContaining(`${NEWEST[original]} (of the original, from leader)`),
			});
			expect(differencesAtFirst).toEqual(NOT_EXPORTED);
			expect(heldAtFirst).toMatchObject([
				{ table: 'monitor', key: '15', how: 'paused', reason: NO_DOCKER_HOST },
			]);
			expect(idle.outcome).toBe('up-to-date');
			expect(idleCalls).toEqual(['snapshots']);
			expect(restarted).toMatchObject({ outcome: 'unchanged', details: [] });
			expect(led).toMatchObject({ outcome: 'published' });
			expect(await repository.list()).toEqual([]);
			expect(changedOver).toMatchObject({
				outcome: expect.stringMatching(/applied|unchanged/),
				summary: expect.stringContaining('generation 1'),
			});
			expect(await differences(leader, replica)).toEqual([]);
			expect(replica.state.heldRows).toEqual([]);
			expect(leftAlone.outcome).toBe('nothing-published');
		},
	);
});

/** @returns the ids of all snapshots that a leader of ours has published. */
async function replicatedIds(restic: (...words: readonly string[]) => Promise<string>): Promise<string[]> {
	const listed = JSON.parse(await restic('snapshots', '--json', '--tag', 'replicator-kuma'));
	return (listed as { id: string }[]).map(({ id }) => id);
}
