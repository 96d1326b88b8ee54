import type { StatePaths } from '../instance/state-folder/data-directory.ts';
import { examineBesideState } from '../instance/state-folder/state-directory-check.ts';
import { type Loop, runLoop } from '../timing/loop.ts';
import type { Troubles } from './status/troubles.ts';

const LOOK_EVERY_MS = 60_000;

/**
 * Looks at the files of `replicator-kuma/` now and then: what is wrong with one is named as long as it is, though nothing
 * may need that file at the moment. The sockets and Kuma's record have parts of their own that say so.
 */
export function watchStateDirectory(parts: {
	readonly paths: StatePaths;
	readonly troubles: Troubles;
	/** Aborting it ends the watch. */
	readonly signal: AbortSignal;
}): Loop {
	const { paths, troubles, signal } = parts;
	const ownParts = [paths.controlSocket, paths.agentSocket, paths.kumaRecord];
	let named: ReadonlySet<string> = new Set();
	return runLoop({
		cycle: () => examineBesideState(paths),
		intervalMs: LOOK_EVERY_MS,
		signal,
		onOutcome: (examined) => {
			// What is wrong with each of them is as it was, as far as anybody knows.
			if (examined === null) return;
			const found = examined.filter(({ path }) => !ownParts.includes(path));
			for (const { path, error } of found) troubles.report(path, error, { retryInMs: LOOK_EVERY_MS });
			const wrong = new Set(found.map(({ path }) => path));
			for (const path of named) if (!wrong.has(path)) troubles.clear(path);
			named = wrong;
		},
		// The examination itself names what it cannot look at.
		onError: () => undefined,
	});
}
