import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { unpackSqlite } from '../kit/fixtures.ts';
import { prepareReplicator } from '../kit/replicator.ts';
import { restServer } from '../kit/rest-server.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const FAKE = join(import.meta.dirname, '..', 'programs', 'kuma-fake.mjs');

test("restic's cache outlives a restart: what was read of the repository is not read again", async () => {
	const server = await restServer();
	const leader = await prepareReplicator({
		mode: 'BACKUP',
		repository: server.location,
		database: 'wizard',
		installation: { directory: await temporaryDirectory('kuma'), node: process.execPath, version: '2.3.2' },
		command: [process.execPath, FAKE],
	});
	onTestFinished(() => leader.discard());
	await unpackSqlite('plain-2.3.2.sqlite.db.gz', leader.dataDirectory);
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
