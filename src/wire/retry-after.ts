/** Nobody may send us away for longer. */
const RETRY_AFTER_MS_MAX = 60 * 60 * 1000;

/** @returns how long a server asks to be left alone in its `Retry-After`, an hour at most, or null. */
export function retryAfterMs(header: string | null): number | null {
	if (header === null) return null;
	const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
	return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), RETRY_AFTER_MS_MAX);
}
