export interface BackOff {
	readonly firstMs: number;
	readonly maxMs: number;
	/** A Kuma that ran for so long was healthy: what comes then is a first failure again. */
	readonly resetAfterMs: number;
}

export const DEFAULT_BACK_OFF: BackOff = { firstMs: 1_000, maxMs: 60_000, resetAfterMs: 60_000 };

/** @returns how long to wait after the `failureCount`-th failure in a row, the first being 1. */
export function nextStartDelayMs(failureCount: number, { firstMs, maxMs }: BackOff): number {
	return Math.min(firstMs * 2 ** (failureCount - 1), maxMs);
}
