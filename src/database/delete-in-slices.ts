import { setTimeout as delay } from 'node:timers/promises';
import type { Value } from '../model/row.ts';

/** How long one slice is meant to hold the write lock; well under the 100 ms that are promised, for rows differ. */
const TARGET_MS = 25;
/**
 * Between slices the lock stays free for at least this long. SQLite's locks are not fair: who waits only looks
 * again every 1 to 100 ms, and would never find it free between slices that follow each other at once.
 */
const PAUSE_MS = 25;
const ROWS_FIRST = 200;
const ROWS_MAX = 20_000;
/** Values in one IN (…). */
const VALUES_MAX = 500;

export interface Slice {
	readonly values: readonly Value[];
	readonly rowsMax: number;
}

/**
 * Deletes slice after slice until nothing is left, with pauses for others.
 * @param deleteSlice deletes at most `rowsMax` rows in a transaction of its own, and says how long it held the lock.
 * @returns how many rows went.
 */
export async function deleteInSlices(
	values: readonly Value[],
	deleteSlice: (slice: Slice) => Promise<{ readonly deleted: number; readonly heldMs: number }>,
): Promise<number> {
	let total = 0;
	let rowsMax = ROWS_FIRST;
	for (let start = 0; start < values.length; start += VALUES_MAX) {
		const some = values.slice(start, start + VALUES_MAX);
		for (let isDone = false; !isDone; ) {
			const { deleted, heldMs } = await deleteSlice({ values: some, rowsMax });
			total += deleted;
			isDone = deleted < rowsMax;
			rowsMax = nextRowsMax(rowsMax, heldMs);
			if (deleted > 0) await delay(Math.max(PAUSE_MS, heldMs));
		}
	}
	return total;
}

/** Shrinks at once, but at most doubles: the rows of the next slice may be larger. */
function nextRowsMax(rowsMax: number, heldMs: number): number {
	const fitting = Math.floor((rowsMax * TARGET_MS) / Math.max(1, heldMs));
	return Math.max(1, Math.min(fitting, rowsMax * 2, ROWS_MAX));
}
