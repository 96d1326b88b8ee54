import pRetry from 'p-retry';
import { isReplicatorError } from '../model/replicator-error.ts';

const RETRIES = 5;

/**
 * Repeats a call as long as somebody else has locked the repository, six times in all, with pauses that double up
 * to four times `pauseMs`. Before each repetition `unlock` removes locks of processes that no longer live.
 * @throws what the call threw last.
 */
export function retryWhileLocked<Result>(
	call: () => Promise<Result>,
	options: {
		readonly unlock: () => Promise<void>;
		readonly pauseMs: number;
		/** Ends the attempts, with its reason. */
		readonly signal?: AbortSignal | undefined;
	},
): Promise<Result> {
	const isLocked = (error: Error) => isReplicatorError(error, 'repository-locked');
	return pRetry(call, {
		retries: RETRIES,
		minTimeout: options.pauseMs,
		maxTimeout: 4 * options.pauseMs,
		...(options.signal === undefined ? {} : { signal: options.signal }),
		shouldRetry: ({ error }) => isLocked(error),
		onFailedAttempt: async ({ error, retriesLeft }) => {
			if (isLocked(error) && retriesLeft > 0) await options.unlock();
		},
	});
}
