import { backOffMs } from './back-off.ts';
import { pause } from './pause.ts';

/** Time as the loop sees it. */
export interface LoopClock {
	/** Resolves after `ms`, or at once when `signal` is aborted; never rejects. */
	delay(request: { ms: number; signal: AbortSignal }): Promise<void>;
}

export interface LoopOptions<Outcome> {
	/** One round of work. The loop does not interrupt it; it should heed `signal` if it can take long. */
	readonly cycle: (signal: AbortSignal) => Promise<Outcome>;
	/** From the end of a good cycle to the start of the next, or a little less. */
	readonly intervalMs: number;
	/** Aborting it ends the loop after the running cycle. */
	readonly signal: AbortSignal;
	/**
	 * Waiting after a failure: doubles from `firstMs` (default 5 s) up to `maxMs` (default and limit: the interval), and at
	 * least half of it is waited.
	 */
	readonly backOff?: { readonly firstMs?: number; readonly maxMs?: number };
	readonly onOutcome: (outcome: Outcome) => void;
	readonly onError: (
		error: unknown,
		next: { readonly failureCount: number; readonly retryInMs: number },
	) => void;
	readonly clock?: LoopClock;
	/** From 0 up to, and without, 1. */
	readonly random?: () => number;
}

export interface Loop {
	/**
	 * Starts a cycle now. While one is running, exactly one more follows it, however often this is called. It also
	 * ends a wait after a failure.
	 */
	wake(): void;
	/** Resolves when the loop has ended; rejects only when a callback has thrown, which is a bug. */
	readonly finished: Promise<void>;
}

const FIRST_RETRY_MS = 5_000;
/** A fleet that was started at once, or that a repository has failed at once, must not go on in step. */
const INTERVAL_JITTER = 0.1;
const RETRY_JITTER = 0.5;

/** The clock of the wall. */
const systemClock: LoopClock = { delay: ({ ms, signal }) => pause(ms, signal) };

/**
 * Runs `cycle` again and again, never twice at once, the first time right away: after a good cycle it waits for the
 * interval, after a failed one it backs off.
 */
export function runLoop<Outcome>(options: LoopOptions<Outcome>): Loop {
	let wait = new AbortController();
	return {
		wake: () => wait.abort(),
		finished: run(),
	};

	async function run(): Promise<void> {
		const { signal, clock = systemClock, random = Math.random } = options;
		let failureCount = 0;
		while (!signal.aborted) {
			// Made before the cycle: a wake that comes during it ends the wait that follows before it begins.
			wait = new AbortController();
			const ms = await runCycle();
			if (signal.aborted) return;
			await clock.delay({ ms, signal: AbortSignal.any([signal, wait.signal]) });
		}

		async function runCycle(): Promise<number> {
			const attempt = await tryCycle(options);
			if ('outcome' in attempt) {
				failureCount = 0;
				options.onOutcome(attempt.outcome);
				return options.intervalMs * (1 - INTERVAL_JITTER * random());
			}
			failureCount += 1;
			const longestMs = retryDelayMs({ failureCount, ...options });
			const retryInMs = Math.round(longestMs * (1 - RETRY_JITTER * random()));
			options.onError(attempt.error, { failureCount, retryInMs });
			return retryInMs;
		}
	}
}

async function tryCycle<Outcome>(
	options: LoopOptions<Outcome>,
): Promise<{ readonly outcome: Outcome } | { readonly error: unknown }> {
	try {
		return { outcome: await options.cycle(options.signal) };
	} catch (error) {
		return { error };
	}
}

function retryDelayMs(options: {
	failureCount: number;
	intervalMs: number;
	backOff?: { readonly firstMs?: number; readonly maxMs?: number };
}): number {
	const { firstMs = FIRST_RETRY_MS, maxMs = options.intervalMs } = options.backOff ?? {};
	return backOffMs(options.failureCount, { firstMs, maxMs: Math.min(maxMs, options.intervalMs) });
}
