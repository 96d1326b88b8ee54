import type { Status } from '../model/status.ts';

export type Health = { readonly isHealthy: true } | { readonly isHealthy: false; readonly reason: string };

/** Replication that fails for so many intervals is down, not late. */
const INTERVALS_MAX = 3;

/**
 * Whether Kuma watches anything, and replication works. Anybody may ask, so the reason names a kind of failure and a
 * time, and no host, no monitor and no repository.
 */
export function judgeHealth(request: {
	readonly status: Pick<Status, 'lastSuccessAt' | 'lastError' | 'lastCycle' | 'replication'> & {
		readonly kuma: Pick<Status['kuma'], 'state' | 'beats'>;
	};
	/** When this process started, for the time before the first success; milliseconds since 1970, as `now` is. */
	readonly startedAt: number;
	readonly now: number;
	readonly intervalMs: number;
}): Health {
	const { status, startedAt, now, intervalMs } = request;
	const { kuma } = status;
	if (kuma.state === 'stopped' || kuma.state === 'backing-off')
		return { isHealthy: false, reason: `Uptime Kuma does not run (${kuma.state}).` };
	const { state, lastBeatAt } = kuma.beats;
	if (state === 'missing') {
		const since = lastBeatAt === null ? 'it was started' : lastBeatAt;
		return { isHealthy: false, reason: `No monitor of Uptime Kuma has beaten since ${since}.` };
	}
	const { trouble } = status.replication;
	if (trouble !== null)
		return { isHealthy: false, reason: `Replication is down since ${trouble.since} (${trouble.code}).` };
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
