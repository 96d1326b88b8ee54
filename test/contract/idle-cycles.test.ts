import { expect, test } from 'vitest';
import { type CountingReplicator, countingReplicator } from '../kit/counting-replicator.ts';
import { LEGACY_PASSWORD, legacyRepository } from '../kit/legacy-repository.ts';
import { type RestServer, restServer } from '../kit/rest-server.ts';
import { makeWeakRepository } from '../kit/weak-repository.ts';

async function countCycle(server: RestServer, { replicator, calls }: CountingReplicator) {
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
	await makeWeakRepository(server.directory);
	const leader = await countingReplicator(server.location, 'BACKUP');
	const replica = await countingReplicator(server.location, 'RESTORE');
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
	await makeWeakRepository(server.directory);
	const leader = await countingReplicator(server.location, 'BACKUP');
	await leader.replicator.cycle();
	const replica = await countingReplicator(server.location, 'RESTORE');
	await replica.replicator.restore({ snapshotId: null, allowsDeletes: false, isDryRun: false });

	const started = await countCycle(server, replica);

	expect(started).toMatchObject({ outcome: 'unchanged', resticCommands: ['snapshots'] });
	expect(started.requests.length).toBeLessThanOrEqual(5);
});

test('a replica of an original leader costs no more while nothing is new', async () => {
	const { location } = await legacyRepository('sqlite');
	const server = await restServer({ directory: location });
	const replica = await countingReplicator(server.location, 'RESTORE', { RESTIC_PASSWORD: LEGACY_PASSWORD });
	expect((await replica.replicator.cycle()).summary).toContain('of the original');

	const idle = await countCycle(server, replica);

	expect(idle).toMatchObject({ outcome: 'up-to-date', resticCommands: ['snapshots'] });
	expect(idle.requests.length).toBeGreaterThan(0);
	expect(idle.requests.length).toBeLessThanOrEqual(5);
	expect(idle.requests.filter((request) => !/^(GET|HEAD) /.test(request))).toEqual([]);
});
