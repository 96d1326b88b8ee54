/** @returns the local date and time with the zone's offset, to the second: `2026-11-24T10:11:12+01:00`. */
export function formatLocalDate(timeMs: number): string {
	const time = new Date(timeMs);
	const offsetMinutes = -time.getTimezoneOffset();
	const local = new Date(timeMs + offsetMinutes * 60_000)
		.toISOString()
		.slice(0, 'YYYY-MM-DDTHH:MM:SS'.length);
	const offset = Math.abs(offsetMinutes);
	const sign = offsetMinutes < 0 ? '-' : '+';
	return `${local}${sign}${twoDigits(Math.floor(offset / 60))}:${twoDigits(offset % 60)}`;
}

function twoDigits(number: number): string {
	return String(number).padStart(2, '0');
}
