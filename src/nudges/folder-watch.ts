import { type FSWatcher, watch as watchFiles } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../model/log.ts';

export interface FolderWatchOptions {
	/** The folder that the repository lies in. */
	readonly repository: string;
	/** A snapshot is there that was not. */
	readonly onNudge: () => void;
	readonly log: Log;
	/** Aborting it ends the watch. */
	readonly signal: AbortSignal;
	/** How often to look without having been told to. */
	readonly lookEveryMs?: number;
	/** Calls back when something changes in the folder; throws where that cannot be had. */
	readonly watch?: (folder: string, onEvent: () => void) => FSWatcher;
}

/**
 * A look costs one `stat`. It notices a folder that comes, goes, or is another one than before, and what network and
 * overlay file systems tell nobody of.
 */
const LOOK_EVERY_MS = 10_000;
/** Some file systems know the time to two seconds. */
const COARSEST_TIME_MS = 2_000;
/** Where restic keeps a file for each snapshot, which it moves there when it is complete. */
const SNAPSHOTS = 'snapshots';
const SNAPSHOT_NAME = /^[0-9a-f]{64}$/;

/**
 * Watches a repository in a local folder, or one that is mounted as such, and nudges when it has a new snapshot. That
 * the folder is not there, or cannot be read or watched, is no failure: the poll goes on without nudges.
 * @returns when the first look is over. What is there by then is no news, so look into the repository after it.
 */
export async function watchFolder(options: FolderWatchOptions): Promise<void> {
	const { onNudge, log, signal, lookEveryMs = LOOK_EVERY_MS, watch = watchFiles } = options;
	const folder = join(options.repository, SNAPSHOTS);
	let known: ReadonlySet<string> | null = null;
	/** The folder as it was when it was read last, unless it may have changed since then under the same time. */
	let readVersion = '';
	let watched: { readonly watcher: FSWatcher; readonly inode: bigint } | null = null;
	let hasEvent = false;
	let endWait = () => {};
	let toldReason = '';

	const onEvent = () => {
		hasEvent = true;
		endWait();
	};
	signal.addEventListener('abort', () => {
		unwatch();
		endWait();
	});
	await look();
	void lookOn();

	async function lookOn(): Promise<void> {
		while (!signal.aborted) {
			await nextReason();
			hasEvent = false;
			if (!signal.aborted) await look();
		}
	}

	function nextReason(): Promise<void> {
		if (hasEvent || signal.aborted) return Promise.resolve();
		return new Promise((resolve) => {
			const timer = setTimeout(resolve, lookEveryMs);
			endWait = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}

	async function look(): Promise<void> {
		try {
			const { ino, mtimeNs } = await stat(folder, { bigint: true });
			// Before the folder is read: what comes after that is an event.
			if (watched?.inode !== ino) rewatch(ino);
			const version = `${ino} ${mtimeNs}`;
			if (version === readVersion) return;
			const isSettled = Date.now() - Number(mtimeNs / 1_000_000n) > COARSEST_TIME_MS;
			note(new Set((await readdir(folder)).filter((name) => SNAPSHOT_NAME.test(name))));
			readVersion = isSettled ? version : '';
		} catch (error) {
			unwatch();
			// When the folder comes, everything in it is news.
			known ??= new Set();
			tell("The repository's folder cannot be read; new snapshots are found by polling", error);
		}
	}

	function note(names: ReadonlySet<string>): void {
		const before = known;
		known = names;
		if (before !== null && !signal.aborted && [...names].some((name) => !before.has(name))) onNudge();
	}

	function rewatch(inode: bigint): void {
		unwatch();
		if (signal.aborted) return;
		try {
			const watcher = watch(folder, onEvent);
			watched = { watcher, inode };
			watcher.on('error', (error) => {
				unwatch();
				tell("The repository's folder cannot be watched; it is looked at now and then", error);
			});
			toldReason = '';
		} catch (error) {
			tell("The repository's folder cannot be watched; it is looked at now and then", error);
		}
	}

	function unwatch(): void {
		watched?.watcher.close();
		watched = null;
	}

	/** Once for each reason: it is tried again at every look. */
	function tell(message: string, error: unknown): void {
		const reason = `${message} ${error instanceof Error && 'code' in error ? error.code : error}`;
		if (reason !== toldReason) log.info(message, { error });
		toldReason = reason;
	}
}
