import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakedReplicator } from '../kit/faked-replicator.ts';
import { TALKS, talkativeRestic } from '../kit/talkative-restic.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { waitFor } from '../kit/wait-for.ts';

/** A health check waits for longer. */
const ANSWER_MS_MAX = 5_000;
/** restic has a moment to remove its lock, and Kuma to end. */
const STOP_MS_MAX = 15_000;

test.each(TALKS)(
	'whatever a storage puts into what restic writes (%s), status answers, and SIGTERM ends it',
	{ timeout: 120_000 },
	async (talk) => {
		const restic = await talkativeRestic(talk, 'hang');
		const replica = await fakedReplicator({
			mode: 'RESTORE',
			fixture: 'plain-2.3.2.sqlite.db.gz',
			repository: join(await temporaryDirectory('repository'), 'none'),
			environment: { PATH: restic.path },
		});
		await replica.start();
		await waitFor(restic.hasSpoken, { timeoutMs: 60_000, what: 'a restic that has spoken' });

		const askedAt = performance.now();
		expect((await replica.status()).kuma.state).toBe('running');
		expect(performance.now() - askedAt).toBeLessThan(ANSWER_MS_MAX);

		const stoppedAt = performance.now();
		expect(await replica.stop()).toBe(0);
		expect(performance.now() - stoppedAt).toBeLessThan(STOP_MS_MAX);
	},
);
