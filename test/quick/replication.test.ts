import { getEventListeners } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { openReplication, type ReplicationParts } from '../../src/daemon/replication.ts';
import { statePaths } from '../../src/instance/state-folder/data-directory.ts';
import { CycleNotices } from '../../src/notices/cycle-notices.ts';
import { createNotices } from '../../src/notices/notices.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { goodConfig } from '../kit/load-test-config.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { SILENT_LOG } from '../kit/test-instance.ts';
import { waitFor } from '../kit/wait-for.ts';

afterEach(() => {
	vi.useRealTimers();
});

/** A replica beside a Kuma that nobody has set up. */
async function setUp() {
	const dataDirectory = await temporaryDirectory('data');
	const paths = statePaths(dataDirectory);
	await mkdir(paths.root, { mode: 0o700 });
	const ending = new AbortController();
	const config = goodConfig({
		REPLICATOR_MODE: 'RESTORE',
		REPLICATOR_NUDGE: 'off',
		REPLICATOR_INTERVAL: '86400',
		DATA_DIR: dataDirectory,
	});
	const parts = {
		config,
		paths,
		log: SILENT_LOG,
		installation: { directory: dataDirectory, version: '2.3.2' },
		supervised: { reload: NO_RELOAD },
		notices: new CycleNotices(createNotices({ ntfy: null, hostname: 'h', log: SILENT_LOG })),
		surface: null,
		signal: ending.signal,
	} as unknown as ReplicationParts;
	return { parts, dataDirectory, paths, ending };
}

test('each attempt to open replication that fails leaves nothing behind', async () => {
	const { parts, paths } = await setUp();
	await writeFile(paths.stateFile, 'torn');

	for (let attempt = 0; attempt < 3; attempt += 1)
		await expect(openReplication(parts)).rejects.toMatchObject({ code: 'state-corrupt' });

	expect(getEventListeners(parts.signal, 'abort')).toEqual([]);
});

test('however often it is woken while Kuma is not set up, it looks again once, and not after another outcome', async () => {
	const { parts, dataDirectory, ending } = await setUp();
	const replication = await openReplication(parts);
	vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
	const running = replication.run();
	const cycled = async () => {
		const before = replication.last;
		replication.wake();
		await waitFor(() => replication.last !== before, { timeoutMs: 10_000, what: 'a cycle' });
		// What follows a cycle is done.
		await new Promise((resolve) => setImmediate(resolve));
	};

	for (let wakes = 0; wakes < 4; wakes += 1) await cycled();

	expect(replication.last.lastCycle?.outcome).toBe('not-set-up');
	expect(vi.getTimerCount()).toBe(1);
	await writeFile(join(dataDirectory, 'db-config.json'), 'torn');
	await cycled();
	expect(replication.last.lastError?.code).toBe('database-config-invalid');
	expect(vi.getTimerCount()).toBe(0);
	ending.abort();
	vi.useRealTimers();
	await running;
});
