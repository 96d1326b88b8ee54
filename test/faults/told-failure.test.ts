import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { unpackSqlite } from '../kit/fixtures.ts';
import { startNtfyServer } from '../kit/ntfy-server.ts';
import { prepareReplicator } from '../kit/replicator.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { waitFor } from '../kit/wait-for.ts';

const FAKE = join(import.meta.dirname, '..', 'programs', 'kuma-fake.mjs');

test('what the file system refuses is shown and told, and so is its end', async () => {
	const ntfy = await startNtfyServer();
	const leader = await prepareReplicator({
		mode: 'BACKUP',
		repository: join(await temporaryDirectory('repository'), 'restic'),
		database: 'wizard',
		installation: { directory: await temporaryDirectory('kuma'), node: process.execPath, version: '2.3.2' },
		command: [process.execPath, FAKE],
		environment: { NTFY_URL: `${ntfy.url}/fleet` },
	});
	onTestFinished(() => leader.discard());
	await unpackSqlite('plain-2.3.2.sqlite.db.gz', leader.dataDirectory);
	const ours = join(leader.dataDirectory, 'replicator-kuma');
	await mkdir(ours);
	await writeFile(join(ours, 'applied'), 'a file where a folder must be');
	const told = () => ntfy.messages.map(({ message }) => message ?? '');

	await leader.start();
	const { lastError, lastSuccessAt } = await leader.waitForStatus(
		'the failure',
		(status) => status.lastError !== null,
	);

	expect(lastError).toMatchObject({ code: 'file-access', message: expect.stringContaining(ours) });
	expect(lastSuccessAt).toBeNull();
	await waitFor(() => told().some((text) => text.includes(ours)), { timeoutMs: 20_000, what: 'the notice' });

	await rm(join(ours, 'applied'));
	leader.wake();

	await leader.waitForStatus('a good cycle', (status) => status.lastSuccessAt !== null);
	await waitFor(() => told().some((text) => text.includes('Replication works again')), {
		timeoutMs: 20_000,
		what: 'the end of the trouble',
	});
	const { restic } = await leader.status();
	expect(restic.calls).toBeGreaterThan(0);
	expect((await leader.run('status')).stdout).toMatch(/^restic .* calls, \d+ of them failed, \d+ ms each/m);
});
