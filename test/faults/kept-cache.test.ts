import { expect, test } from 'vitest';
import { fakedReplicator } from '../kit/faked-replicator.ts';
import { restServer } from '../kit/rest-server.ts';
import { makeWeakRepository } from '../kit/weak-repository.ts';

test("restic's cache outlives a restart: what was read of the repository is not read again", async () => {
	const server = await restServer();
	await makeWeakRepository(server.directory);
	const leader = await fakedReplicator({
		mode: 'BACKUP',
		fixture: 'plain-2.3.2.sqlite.db.gz',
		repository: server.location,
	});
	await leader.start();
	await leader.waitForStatus('the first snapshot', ({ applied }) => applied !== null);
	await leader.stop();
	server.requests.length = 0;

	await leader.start();
	await leader.waitForStatus('the first cycle', ({ lastSuccessAt }) => lastSuccessAt !== null);

	expect(server.requests).not.toEqual([]);
	expect(
		server.requests.filter((request) => /^GET .*\/(?:snapshots|index)\/[0-9a-f]{64}/.test(request)),
	).toEqual([]);
});
