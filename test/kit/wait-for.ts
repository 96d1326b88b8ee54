import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 50;

/** Waits until `condition` holds. @throws Error that names `what` when it does not within the deadline. */
export async function waitFor(
	condition: () => boolean | Promise<boolean>,
	limits: { readonly timeoutMs: number; readonly what: string },
): Promise<void> {
	const deadline = performance.now() + limits.timeoutMs;
	while (!(await condition())) {
		if (performance.now() > deadline) throw new Error(`${limits.what}: not within ${limits.timeoutMs} ms`);
		await delay(POLL_MS);
	}
}
