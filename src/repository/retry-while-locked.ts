import pRetry from 'p-retry';
import { isReplicatorError } from '../model/replicator-error.ts';

/** Beside the first one, which comes without a pause. */
const LATER_RETRIES = 4;

/**
 * Repeats a call as long as somebody else has locked the repository, six times in all. Before each repetition `unlock`
 * removes locks of processes that no longer live; that is mostly all it takes, so the first one comes at once. Then
 * pauses double from `pauseMs` up to four times that.
 * @throws what the call threw last.
 */
export async function retryWhileLocked<Result>(
	call: () => Promise<Result>,
	options: {
		/** @param failures how many attempts have found it locked by now. */
		readonly unlock: (failures: number) => Promise<void>;
		readonly pauseMs: number;
		/** Ends the attempts, with its reason. */
		readonly signal?: AbortSignal | undefined;
	},
): Promise<Result> {
	const { unlock, pauseMs, signal } = options;
	try {
		return await call();
	} catch (error) {
		if (!isLocked(error)) throw error;
	}
	await unlock(1);
	return pRetry(call, {
		retries: LATER_RETRIES,
		minTimeout: pauseMs,
		maxTimeout: 4 * pauseMs,
		...(signal === undefined ? {} : { signal }),
		shouldRetry: ({ error }) => isLocked(error),
		onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
			if (isLocked(error) && retriesLeft > 0) await unlock(attemptNumber + 1);
		},
	});
}

function isLocked(error: unknown): boolean {
	return isReplicatorError(error, 'repository-locked');
}
