const DATE_TIME =
	/^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?$/;
const TIME = /^(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?$/;

/** What MariaDB's DATETIME holds: years 1000 to 9999 (MariaDB, "DATETIME"). */
const FIRST_YEAR = 1000;

/**
 * Brings the forms that Kuma's databases hold for an instant into the one that MariaDB keeps:
 * `YYYY-MM-DD HH:MM:SS`. ISO 8601 with `T`, a fraction, `Z` or an offset, a missing time, missing seconds, and the
 * milliseconds since 1970 that knex writes for a JavaScript Date into SQLite are all the same instant in UTC.
 * @returns null when the value is no such instant.
 */
export function toDateTime(value: string | number | bigint): string | null {
	if (typeof value !== 'string') return fromMilliseconds(Number(value));
	const match = DATE_TIME.exec(value.trim());
	if (match === null) return null;
	const [, year = '', month = '', day = '', hour = '00', minute = '00', second = '00', , zone] = match;
	const time = Date.UTC(
		Number(year),
		Number(month) - 1,
		Number(day),
		Number(hour),
		Number(minute),
		Number(second),
	);
	const text = fromMilliseconds(time);
	// Date.UTC rolls 30 February over into March; MariaDB refuses it.
	if (text !== `${year}-${month}-${day} ${hour}:${minute}:${second}`) return null;
	return zone === undefined || zone === 'Z' ? text : fromMilliseconds(time - offsetMs(zone));
}

function fromMilliseconds(time: number): string | null {
	const date = new Date(time);
	if (Number.isNaN(date.getTime())) return null;
	const year = date.getUTCFullYear();
	if (year < FIRST_YEAR || year > 9999) return null;
	return date.toISOString().slice(0, 19).replace('T', ' ');
}

function offsetMs(zone: string): number {
	const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(-2))];
	return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** @returns the date part as MariaDB's DATE keeps it, or null. */
export function toDate(value: string | number | bigint): string | null {
	return toDateTime(value)?.slice(0, 10) ?? null;
}

/** @returns a time of day as MariaDB's TIME keeps it, `HH:MM:SS`, or null. */
export function toTime(value: string | number | bigint): string | null {
	if (typeof value !== 'string') return null;
	const match = TIME.exec(value.trim());
	if (match === null) return null;
	const [, hour = '', minute = '', second = '00'] = match;
	if (Number(minute) > 59 || Number(second) > 59) return null;
	return `${hour.padStart(2, '0')}:${minute}:${second}`;
}
