import type { TimezoneChange } from './timezone.ts';

/** @returns what a new zone of the leader means, for people. */
export function describeTimezoneChange({ before, after }: TimezoneChange): string {
	return `The leader is in the time zone ${after}; until now it was ${before}. Maintenances that follow the server's time zone now begin and end by the clock of ${after}. If that is not what you want, set TZ on the leader, or choose a time zone in each of these maintenances.`;
}
