/**
 * A time zone is what `Intl` accepts, and everything else is UTC: Kuma's own rule. It is kept where a zone is written,
 * where it is read, and once more inside of Kuma, because what `Intl` accepts differs between versions of Node, and
 * because Kuma's beats throw on anything else.
 */
const FALLBACK_TIMEZONE = 'UTC';

/** The zone in which maintenances "as on the server" are meant has become another one. */
export interface TimezoneChange {
	readonly before: string;
	readonly after: string;
}

/** No name of a zone is as long. */
const LENGTH_MAX = 100;

/** What was asked for before: there are few zones, and to ask `Intl` takes some 50 µs. */
const answers = new Map<string, boolean>();
const ANSWERS_MAX = 1_000;

/** @returns whether this Node knows a time zone of that name. */
export function isTimezone(zone: unknown): zone is string {
	if (typeof zone !== 'string' || zone === '' || zone.length > LENGTH_MAX) return false;
	const known = answers.get(zone);
	if (known !== undefined) return known;
	const answer = zone === FALLBACK_TIMEZONE || isListed(zone) || isAccepted(zone);
	if (answers.size < ANSWERS_MAX) answers.set(zone, answer);
	return answer;
}

/** @returns the zone, or UTC in place of anything that is none. */
export function toTimezone(zone: unknown): string {
	return isTimezone(zone) ? zone : FALLBACK_TIMEZONE;
}

/** Most zones go by the name that stands in this list, which takes 0.3 MB to look at. A format takes 8 MB. */
function isListed(zone: string): boolean {
	return Intl.supportedValuesOf('timeZone').includes(zone);
}

function isAccepted(zone: string): boolean {
	try {
		new Intl.DateTimeFormat('en', { timeZone: zone });
		return true;
	} catch {
		return false;
	}
}
