import type { Status } from '../model/status.ts';

export type Health = { readonly isHealthy: true } | { readonly isHealthy: false; readonly reason: string };

/** Replication that fails for so many intervals is down, not late. */
const INTERVALS_MAX = 3;

/**
 * Whether replication works. Anybody may ask, so the reason names a kind of failure and a time, and no host, no
 * monitor and no repository.
 */
export function judgeHealth(request: {
	readonly status: Pick<Status, 'lastSuccessAt' | 'lastError' | 'lastCycle'>;
	/** When this process started, for the time before the first success; milliseconds since 1970, as `now` is. */
	readonly startedAt: number;
	readonly now: number;
	readonly intervalMs: number;
}): Health {
	const { status, startedAt, now, intervalMs } = request;
	const goodAt = status.lastSuccessAt === null ? startedAt : Date.parse(status.lastSuccessAt);
	if (now - goodAt <= INTERVALS_MAX * intervalMs) return { isHealthy: true };
	const since = status.lastSuccessAt === null ? 'its start' : new Date(goodAt).toISOString();
	const { lastError, lastCycle } = status;
	const why = lastError?.code ?? (lastCycle?.needsDecision === true ? lastCycle.outcome : null);
	return {
		isHealthy: false,
		reason: `Replication has not succeeded since ${since}, for more than ${INTERVALS_MAX} intervals of ${intervalMs / 1000} s${why === null ? '' : ` (${why})`}.`,
	};
}
