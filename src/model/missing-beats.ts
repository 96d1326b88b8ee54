import type { KumaBeatsStatus } from './status.ts';

/** What happens to the beats of a Kuma. */
export type BeatsEvent =
	/** No monitor has beaten for two intervals. */
	| { readonly event: 'beatsStopped'; readonly beats: KumaBeatsStatus }
	| { readonly event: 'beatsResumed'; readonly silentMs: number };

/** The way out for a Kuma that does not beat. */
export const MISSING_BEATS_HINT = "See Kuma's log, and restart Uptime Kuma if it does not recover.";

/** @returns what there is to say of a Kuma that does not beat, for people. */
export function describeMissingBeats({ monitors, lastBeatAt, lastError }: KumaBeatsStatus): string {
	const since = lastBeatAt === null ? 'since it was started' : `since ${lastBeatAt}`;
	const which =
		monitors === 1 ? 'Its only active monitor has not' : `None of its ${monitors} active monitors has`;
	const reason = lastError === null ? '' : ` Kuma's last error: ${lastError}.`;
	return `Uptime Kuma watches nothing. ${which} beaten ${since}.${reason}`;
}
