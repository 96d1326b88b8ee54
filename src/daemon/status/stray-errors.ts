import type { Log } from '../../model/log.ts';
import type { Status } from '../../model/status.ts';

/** So many are logged in full within a while; the rest of them are counted. */
const LOGGED_MAX = 5;
const WHILE_MS = 60_000;

type Origin = 'uncaughtException' | 'unhandledRejection';

/** Where failures end that nobody has expected. */
export interface StrayErrors {
	readonly seen: Status['unexpectedErrors'];
	/** Never throws: it is the last one to be asked. */
	note(error: unknown, origin: Origin): void;
}

/**
 * Keeps in mind what nobody has caught. It is a bug, or a system that has no file to open left, and not worth the end of
 * monitoring: it is logged with its stack, counted, and reported once. One that repeats without end floods nothing.
 * @param options.onFirst called with the first one.
 */
export function createStrayErrors(options: {
	readonly log: Log;
	readonly onFirst: (error: unknown) => void;
	readonly now?: () => number;
}): StrayErrors {
	const { log, onFirst, now = Date.now } = options;
	let count = 0;
	let last: Status['unexpectedErrors']['last'] = null;
	let whileBeganAt = Number.NEGATIVE_INFINITY;
	let countInWhile = 0;

	function write(error: unknown, origin: Origin): void {
		if (now() - whileBeganAt >= WHILE_MS) {
			const unlogged = countInWhile - LOGGED_MAX;
			if (unlogged > 0) log.error('More failures like these were not expected', { count: unlogged });
			whileBeganAt = now();
			countInWhile = 0;
		}
		countInWhile += 1;
		if (countInWhile > LOGGED_MAX) return;
		log.error('A failure that nothing has expected; replicator-kuma goes on', { error, origin });
	}

	return {
		get seen() {
			return { count, last };
		},
		note(error, origin) {
			count += 1;
			last = { message: nameOf(error), at: new Date(now()).toISOString() };
			try {
				write(error, origin);
				if (count === 1) onFirst(error);
			} catch {
				// Nothing is left that could be told of it.
			}
		},
	};
}

/** The words of such an error may hold anything; its kind does not. */
function nameOf(error: unknown): string {
	if (!(error instanceof Error)) return typeof error;
	return 'code' in error ? `${error.name} (${String(error.code)})` : error.name;
}

/** Catches what would end this process otherwise. @returns how to stop that. */
export function catchStrayErrors({ note }: Pick<StrayErrors, 'note'>): () => void {
	// A rejection that nobody handles arrives here, too.
	process.on('uncaughtException', note);
	return () => void process.off('uncaughtException', note);
}
