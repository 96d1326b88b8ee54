import { setTimeout as delay } from 'node:timers/promises';

/** To look again and again costs a processor that others need: what takes long is looked at less often. */
const POLL_MS = { first: 20, longest: 250, share: 0.1 } as const;

/**
 * Waits until `condition` holds.
 * @param limits.everyMs how long to wait before looking again; where looking costs much, it slows down what is waited for.
 * @throws Error that names `what` when it does not within the deadline.
 */
export async function waitFor(
	condition: () => boolean | Promise<boolean>,
	limits: { readonly timeoutMs: number; readonly what: string; readonly everyMs?: number },
): Promise<void> {
	const startedAt = performance.now();
	const deadline = startedAt + limits.timeoutMs;
	while (!(await condition())) {
		if (performance.now() > deadline) throw new Error(`${limits.what}: not within ${limits.timeoutMs} ms`);
		await delay(limits.everyMs ?? pollMs(performance.now() - startedAt));
	}
}

function pollMs(waitedMs: number): number {
	return Math.min(Math.max(POLL_MS.first, waitedMs * POLL_MS.share), POLL_MS.longest);
}
