import { describe, expect, test } from 'vitest';
import { toDate, toDateTime, toTime } from './temporal.ts';

describe('an instant', () => {
	test.each([
		['2026-11-24 10:11:12', '2026-11-24 10:11:12'],
		['2026-11-24 10:11:12.345', '2026-11-24 10:11:12'],
		['2026-11-24T10:11:12.345Z', '2026-11-24 10:11:12'],
		['2026-11-24T10:11:12+02:00', '2026-11-24 08:11:12'],
		['2026-11-25 04:00', '2026-11-25 04:00:00'],
		['2026-11-24', '2026-11-24 00:00:00'],
		[1764000000123, '2025-11-24 16:00:00'],
		[1764000000123n, '2025-11-24 16:00:00'],
	])('%s becomes %s', (value, expected) => {
		expect(toDateTime(value)).toBe(expected);
	});

	test.each([
		'2026-02-30 00:00:00',
		'2026-13-01',
		'',
		'now',
		'24.11.2026',
		'0000-00-00 00:00:00',
		'2026-11-24 25:00:00',
	])('%s is none', (value) => {
		expect(toDateTime(value)).toBeNull();
	});
});

test('a date is the first part of an instant', () => {
	expect(toDate('2026-11-24T10:11:12Z')).toBe('2026-11-24');
});

test.each([
	['2:00', '02:00:00'],
	['02:00', '02:00:00'],
	['23:59:59', '23:59:59'],
	['02:00:00.5', '02:00:00'],
	['2', null],
	['02:60', null],
	['', null],
])('the time of day %j becomes %j', (value, expected) => {
	expect(toTime(value)).toBe(expected);
});
