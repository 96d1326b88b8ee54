import { expect, test } from 'vitest';
import { requireConfig } from '../../src/config/load-config.ts';
import { prepareStateDirectory } from '../../src/daemon/data-directory.ts';
import { joinFleet, openInstance } from '../../src/daemon/open-instance.ts';
import { Replicator } from '../../src/daemon/replicator.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { unpackSqlite } from '../kit/fixtures.ts';
import { LEGACY_PASSWORD, legacyRepository } from '../kit/legacy-repository.ts';
import { type RestServer, restServer } from '../kit/rest-server.ts';
import { testRepository } from '../kit/restic.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { SILENT_LOG } from '../kit/test-instance.ts';

/** An instance as the daemon puts it together, whose calls of restic are seen. */
async function openReplicator(
	server: RestServer,
	mode: 'BACKUP' | 'RESTORE',
	more: Readonly<Record<string, string>> = {},
) {
	const dataDirectory = await temporaryDirectory('data');
	await unpackSqlite('plain-2.3.2.sqlite.db.gz', dataDirectory);
	const { repository, environment, calls } = await testRepository({
		location: server.location,
		environment: more,
	});
	const env = { ...environment, REPLICATOR_MODE: mode, DATA_DIR: dataDirectory };
	const { config } = requireConfig(env, { needsRepository: true });
	const paths = await prepareStateDirectory(dataDirectory);
	const kuma = { version: '2.3.2', monitorTypes: null, migrations: null };
	const alone = await openInstance({ config, paths, log: SILENT_LOG, kuma });
	const instance = joinFleet(alone, {
		repository,
		reload: NO_RELOAD,
	});
	return { replicator: new Replicator({ instance, config }), calls };
}

async function countCycle(
	server: RestServer,
	{ replicator, calls }: Awaited<ReturnType<typeof openReplicator>>,
) {
	const callsBefore = calls.length;
	server.requests.length = 0;
	const { outcome } = await replicator.cycle();
	return {
		outcome,
		resticCommands: calls.slice(callsBefore).map(({ command }) => command),
		requests: [...server.requests],
	};
}

test('a cycle with nothing new is one restic process and at most five requests on a replica, and none on a leader', async () => {
	const server = await restServer();
	const leader = await openReplicator(server, 'BACKUP');
	const replica = await openReplicator(server, 'RESTORE');
	expect((await leader.replicator.cycle()).outcome).toBe('published');
	expect((await replica.replicator.cycle()).outcome).toBe('applied');
	// Another leader's snapshot could show up right behind its own: it looks once more.
	expect(await countCycle(server, leader)).toMatchObject({ resticCommands: ['snapshots'] });

	const idle = await countCycle(server, replica);
	const leading = await countCycle(server, leader);

	expect(leading).toMatchObject({ outcome: 'unchanged', resticCommands: [], requests: [] });
	expect(idle).toMatchObject({ outcome: 'up-to-date', resticCommands: ['snapshots'] });
	expect(idle.requests.length).toBeGreaterThan(0);
	expect(idle.requests.length).toBeLessThanOrEqual(5);
	// Nothing is written, not even a lock.
	expect(idle.requests.filter((request) => !/^(GET|HEAD) /.test(request))).toEqual([]);
});

test('a replica that has just started plans anew without fetching what it keeps', async () => {
	const server = await restServer();
	const leader = await openReplicator(server, 'BACKUP');
	await leader.replicator.cycle();
	const replica = await openReplicator(server, 'RESTORE');
	await replica.replicator.restore({ snapshotId: null, allowsDeletes: false, isDryRun: false });

	const started = await countCycle(server, replica);

	expect(started).toMatchObject({ outcome: 'unchanged', resticCommands: ['snapshots'] });
	expect(started.requests.length).toBeLessThanOrEqual(5);
});

test('a replica of an original leader costs no more while nothing is new', async () => {
	const { location } = await legacyRepository('sqlite');
	const server = await restServer({ directory: location });
	const replica = await openReplicator(server, 'RESTORE', { RESTIC_PASSWORD: LEGACY_PASSWORD });
	expect((await replica.replicator.cycle()).summary).toContain('of the original');

	const idle = await countCycle(server, replica);

	expect(idle).toMatchObject({ outcome: 'up-to-date', resticCommands: ['snapshots'] });
	expect(idle.requests.length).toBeGreaterThan(0);
	expect(idle.requests.length).toBeLessThanOrEqual(5);
	expect(idle.requests.filter((request) => !/^(GET|HEAD) /.test(request))).toEqual([]);
});
