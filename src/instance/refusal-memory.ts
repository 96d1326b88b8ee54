import type { RefusalMemory, Refusals } from '../model/refusal.ts';

/** When a plan is made again, at the earliest, that had to set something aside which may pass without a new snapshot: the first cycle after it. */
const LOOK_AGAIN_MS = 60_000;
/** When what was refused is tried again, at the earliest, though nothing is known to have changed; doubles up to the longest. */
const RETRY_FIRST_MS = 5 * 60_000;
const RETRY_LONGEST_MS = 60 * 60_000;

const NOTHING: Refusals = { rows: [], files: new Map() };

export function createRefusalMemory(): RefusalMemory {
	let known = NOTHING;
	let knownMark = '';
	let retryAt = 0;
	let spacingMs = 0;
	let lookAt = Number.POSITIVE_INFINITY;
	return {
		get known() {
			return known;
		},
		inForce: (mark, now) => (mark === knownMark && now < retryAt ? known : NOTHING),
		remember(refusals, mark, now) {
			const isNothing = refusals.rows.length === 0 && refusals.files.size === 0;
			const isSame = !isNothing && mark === knownMark;
			// What was in force was not tried, so that nothing new is known of it.
			if (isSame && now < retryAt) {
				known = refusals;
				return;
			}
			spacingMs = isSame ? Math.min(spacingMs * 2, RETRY_LONGEST_MS) : RETRY_FIRST_MS;
			retryAt = now + spacingMs;
			known = refusals;
			knownMark = mark;
		},
		tryAgain() {
			retryAt = 0;
		},
		notePlan({ mayPass }, now) {
			lookAt = mayPass ? now + LOOK_AGAIN_MS : Number.POSITIVE_INFINITY;
		},
		isTimeToLook: (now) => now >= lookAt,
	};
}
