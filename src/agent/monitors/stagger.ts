import { setTimeout as sleep } from 'node:timers/promises';

/** Together 50 starts a second at most: neither the targets nor Kuma's event loop notice more than a busy minute. */
const BATCH_SIZE = 5;
const BATCH_EVERY_MS = 100;

/**
 * Runs `start` for a few items at a time, in order: the first few at once, the others spread out.
 * @param pause waits for so many milliseconds.
 */
export async function stagger<Item>(
	items: readonly Item[],
	start: (some: readonly Item[]) => Promise<void>,
	pause: (ms: number) => Promise<unknown> = sleep,
): Promise<void> {
	for (let first = 0; first < items.length; first += BATCH_SIZE) {
		// After the actual start of the batch before: a late one never makes the next one follow it at once.
		if (first > 0) await pause(BATCH_EVERY_MS);
		await start(items.slice(first, first + BATCH_SIZE));
	}
}
