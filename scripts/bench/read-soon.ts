import { setTimeout as delay } from 'node:timers/promises';

/** How exactly a moment is told. */
const LOOK_EVERY_MS = 5;

/** Asks again and again until there is an answer. @returns it, and when it was there. */
export async function readSoon<Found>(
	read: () => Found | null | Promise<Found | null>,
	limits: { readonly timeoutMs: number; readonly what: string; readonly everyMs?: number },
): Promise<{ readonly found: Found; readonly atMs: number }> {
	const deadline = Date.now() + limits.timeoutMs;
	for (;;) {
		const found = await read();
		if (found !== null) return { found, atMs: Date.now() };
		if (Date.now() > deadline) throw new Error(`${limits.what}: not within ${limits.timeoutMs} ms`);
		await delay(limits.everyMs ?? LOOK_EVERY_MS);
	}
}
