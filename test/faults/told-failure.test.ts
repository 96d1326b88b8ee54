import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakedReplicator } from '../kit/faked-replicator.ts';
import { startNtfyServer } from '../kit/ntfy-server.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { waitFor } from '../kit/wait-for.ts';
import { makeWeakRepository } from '../kit/weak-repository.ts';

test('what the file system refuses is shown and told, and so is its end', async () => {
	const ntfy = await startNtfyServer();
	const repository = await temporaryDirectory('repository');
	await makeWeakRepository(repository);
	const leader = await fakedReplicator({
		mode: 'BACKUP',
		fixture: 'plain-2.3.2.sqlite.db.gz',
		repository,
		environment: { NTFY_URL: `${ntfy.url}/fleet` },
	});
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
