/** Waiting after failures in a row: doubles from `firstMs` up to `maxMs`. */
export interface BackOff {
	readonly firstMs: number;
	readonly maxMs: number;
}

/** @returns how long to wait after the `failureCount`-th failure in a row, the first being 1: milliseconds. */
export function backOffMs(failureCount: number, { firstMs, maxMs }: BackOff): number {
	return Math.min(firstMs * 2 ** (failureCount - 1), maxMs);
}

/**
 * The same, of which half is random: those that failed at the same moment must not come back at the same moment.
 * @param random from 0 up to, and without, 1.
 */
export function randomBackOffMs(
	failureCount: number,
	{ random, ...backOff }: BackOff & { readonly random: () => number },
): number {
	return backOffMs(failureCount, backOff) * (1 - random() / 2);
}
