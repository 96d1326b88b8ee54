import { mkdir, rm } from 'node:fs/promises';
import type { Log } from '../model/log.ts';
import { snapshotIdOf } from './restic/backup-summary.ts';
import { findCacheComplaint, hasUnreadableSnapshot, isCacheSuspect } from './restic/restic-error.ts';
import { summarize } from './restic/restic-messages.ts';
import type { ResticCall, ResticEnd, RunRestic } from './restic/restic-process.ts';

/** What restic reads through its cache. */
const CACHED = new Set(['snapshots', 'cat', 'restore', 'backup', 'forget', 'prune']);

/**
 * Runs restic with its cache as long as that can be trusted. A power cut can leave files there whose names are right and
 * whose bytes are not; old versions of restic believe them, and new ones stumble over a broken folder. A call that may
 * have failed for that is tried again without the cache, and what fails then is the repository's own. A cache that was
 * thrown away in vain is not to blame, or cannot be helped, and is not used any more.
 * @param parts.mask hides secrets in what restic said.
 * @param parts.isOwn whether it is this instance's own and may be thrown away.
 */
export function trustCache(parts: {
	readonly run: RunRestic;
	readonly path: string;
	readonly isOwn: boolean;
	readonly mask: (text: string) => string;
	readonly log: Log;
}): RunRestic {
	const { run, path, isOwn, mask, log } = parts;
	let isTrusted = true;
	/** Commands for which the cache was thrown away, and that did not go well with the new one yet. */
	const healed = new Set<string>();

	async function throwAway(command: string, reason: string): Promise<void> {
		if (!isOwn) {
			isTrusted = false;
			log.warning("restic's cache is damaged and not used any more; remove what RESTIC_CACHE_DIR names", {
				path,
				reason,
			});
			return;
		}
		if (healed.has(command)) {
			isTrusted = false;
			log.warning(
				"restic's cache does not work, although it was made again; it is not used until the next start",
				{
					path,
					reason,
				},
			);
			return;
		}
		healed.add(command);
		try {
			await rm(path, { recursive: true, force: true });
			await mkdir(path, { recursive: true, mode: 0o700 });
			log.warning("restic's cache was damaged and is made again", { reason });
		} catch (error) {
			isTrusted = false;
			log.warning("restic's cache is damaged and cannot be removed; it is not used any more", {
				path,
				error,
			});
		}
	}

	return async (call) => {
		const { command } = call;
		if (!CACHED.has(command)) return run(call);
		if (!isTrusted) return run(withoutCache(call));
		const first = await run(call);
		if (isGood(first)) {
			// Old versions go on without a cache that they cannot open, and do so for ever.
			const complaint = findCacheComplaint(first);
			if (complaint === null) healed.delete(command);
			else await throwAway(command, mask(complaint));
			return first;
		}
		if (!isCacheSuspect(first, path) || hasKept(first)) return first;
		await call.beforeAgain?.();
		const second = await run(withoutCache(call));
		if (isGood(second))
			await throwAway(command, `restic ${command} failed with it alone: ${summarize(first.stderr, mask)}`);
		return second;
	};
}

function withoutCache(call: ResticCall): ResticCall {
	return { ...call, options: ['--no-cache', ...call.options] };
}

function isGood(end: ResticEnd): boolean {
	return end.exitCode === 0 && !hasUnreadableSnapshot(end);
}

/** A backup that goes wrong in the end may have kept its snapshot: another one would keep a twin of it. */
function hasKept({ command, stdout }: ResticEnd): boolean {
	return command === 'backup' && snapshotIdOf(stdout) !== null;
}
