import { type FSWatcher, watch as watchFiles } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Log } from '../model/log.ts';
import { type FolderWatchOptions, watchFolder } from './folder-watch.ts';

const LIMITS = { timeout: 20_000, interval: 20 };
const name = (digit: string) => digit.repeat(64);

async function repositoryFolder(): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), 'replicator-kuma-watch-'));
	onTestFinished(() => rm(folder, { recursive: true, force: true }));
	return folder;
}

/** Publishes as restic does: a file under another name first. */
async function publish(repository: string, digit: string): Promise<void> {
	const snapshots = join(repository, 'snapshots');
	await mkdir(snapshots, { recursive: true });
	await writeFile(join(snapshots, `${name(digit)}-tmp-1`), '{}');
	await rename(join(snapshots, `${name(digit)}-tmp-1`), join(snapshots, name(digit)));
}

async function start(repository: string, options: Partial<FolderWatchOptions> = {}) {
	const ending = new AbortController();
	onTestFinished(() => ending.abort());
	const lines: string[] = [];
	const write = (message: string) => void lines.push(message);
	const log: Log = { debug: write, info: write, warning: write, error: write };
	let count = 0;
	const onNudge = () => {
		count += 1;
	};
	await watchFolder({ repository, onNudge, log, signal: ending.signal, lookEveryMs: 60_000, ...options });
	const nudges = (wanted: number) => vi.waitFor(() => expect(count).toBe(wanted), LIMITS);
	return { nudges, end: () => ending.abort(), lines, count: () => count };
}

test('a new snapshot nudges once, and those that were there at the start do not', async () => {
	const repository = await repositoryFolder();
	await publish(repository, 'a');
	const { nudges, count } = await start(repository);

	expect(count()).toBe(0);
	await publish(repository, 'b');
	await nudges(1);
	await publish(repository, 'c');
	await nudges(2);
});

test('snapshots that go, and files that are no snapshots, nudge nobody', async () => {
	const repository = await repositoryFolder();
	await publish(repository, 'a');
	await publish(repository, 'b');
	const { nudges } = await start(repository);

	await rm(join(repository, 'snapshots', name('a')));
	await writeFile(join(repository, 'snapshots', 'notes.txt'), '');
	await publish(repository, 'c');

	await nudges(1);
});

test('a folder that comes later is found, and what is in it is news', async () => {
	const repository = await repositoryFolder();
	const { nudges, lines } = await start(join(repository, 'later'), { lookEveryMs: 30 });

	await publish(join(repository, 'later'), 'a');
	await nudges(1);
	await publish(join(repository, 'later'), 'b');
	await nudges(2);

	expect(lines).toHaveLength(1);
});

test('a folder that vanishes and comes back is watched again', async () => {
	const repository = await repositoryFolder();
	await publish(repository, 'a');
	const { nudges, lines } = await start(repository, { lookEveryMs: 30 });

	await rm(join(repository, 'snapshots'), { recursive: true });
	await vi.waitFor(() => expect(lines).toHaveLength(1), LIMITS);
	await publish(repository, 'a');
	await publish(repository, 'b');
	await nudges(1);
});

test('a folder that is exchanged for another one is the one that is watched', async () => {
	const repository = await repositoryFolder();
	await publish(repository, 'a');
	const watchers: FSWatcher[] = [];
	const watch = (folder: string, onEvent: () => void) => {
		const watcher = watchFiles(folder, onEvent);
		watchers.push(watcher);
		return watcher;
	};
	const { nudges } = await start(repository, { lookEveryMs: 30, watch });

	await publish(join(repository, 'other'), 'a');
	await publish(join(repository, 'other'), 'b');
	await rename(join(repository, 'snapshots'), join(repository, 'old'));
	await rename(join(repository, 'other', 'snapshots'), join(repository, 'snapshots'));
	await nudges(1);
	await publish(repository, 'c');
	await nudges(2);

	expect(watchers).toHaveLength(2);
});

test.each([
	[
		'cannot be watched',
		(): FSWatcher => {
			throw Object.assign(new Error('no space left for watches'), { code: 'ENOSPC' });
		},
	],
	['tells nobody what changes', (folder: string) => watchFiles(folder, () => {})],
])('a snapshot is found in a folder that %s, and that its time does not give away', async (_how, watch) => {
	const repository = await repositoryFolder();
	await publish(repository, 'a');
	const now = new Date();
	await utimes(join(repository, 'snapshots'), now, now);
	const { nudges, lines } = await start(repository, { lookEveryMs: 100, watch });

	await publish(repository, 'b');
	await utimes(join(repository, 'snapshots'), now, now);

	await nudges(1);
	expect(lines.length).toBeLessThanOrEqual(1);
});

test('after the end nobody is nudged', async () => {
	const repository = await repositoryFolder();
	await publish(repository, 'a');
	const ended = await start(repository, { lookEveryMs: 30 });
	const other = await start(repository, { lookEveryMs: 30 });

	ended.end();
	await publish(repository, 'b');
	await other.nudges(1);

	expect(ended.count()).toBe(0);
});

test('a file in place of the folder is no failure', async () => {
	const repository = await repositoryFolder();
	await writeFile(join(repository, 'snapshots'), 'x');
	await chmod(join(repository, 'snapshots'), 0o600);
	const { nudges, lines } = await start(repository, { lookEveryMs: 30 });

	await vi.waitFor(() => expect(lines.length).toBeGreaterThan(0), LIMITS);
	await rm(join(repository, 'snapshots'));
	await publish(repository, 'a');

	await nudges(1);
});
