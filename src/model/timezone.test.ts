import { expect, test } from 'vitest';
import { isTimezone, toTimezone } from './timezone.ts';

/** What Kuma itself does with a zone, which must not throw. */
function use(zone: string) {
	return new Date(0).toLocaleString('en-US', { timeZone: zone });
}

const ZONES = ['UTC', 'Europe/Berlin', 'Asia/Kolkata', 'Etc/GMT+5', 'europe/berlin', 'EST5EDT', 'US/Pacific'];
const OTHERS: readonly unknown[] = [
	'',
	'Etc/Unknown',
	':/etc/localtime',
	'"Europe/Berlin"',
	"'Europe/Berlin'",
	'Europe/Berlin ',
	' Europe/Berlin',
	'Europe/Berlin\n',
	'CET-1CEST',
	'UTC+1',
	'Europe',
	'Nowhere/Land',
	'Europe/../Europe/Berlin',
	'/usr/share/zoneinfo/Europe/Berlin',
	'posix/Europe/Berlin',
	'__proto__',
	'U'.repeat(1_000_000),
	null,
	undefined,
	0,
	['UTC'],
	{},
];

test.each(ZONES)('%s is a zone, and can be used', (zone) => {
	expect(isTimezone(zone)).toBe(true);
	expect(toTimezone(zone)).toBe(zone);
	expect(use(zone)).not.toBe('');
});

test.each(OTHERS)('%j is no zone, and taken for UTC', (zone) => {
	expect(isTimezone(zone)).toBe(false);
	expect(toTimezone(zone)).toBe('UTC');
});

test('whatever is asked for, and however often, the answer can be used', () => {
	for (let index = 0; index < 1_100; index += 1) expect(use(toTimezone(`Nowhere/Land${index}`))).not.toBe('');
	expect(isTimezone('Europe/Berlin')).toBe(true);
});
