import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';

import { formatLocalDate } from './format-date.ts';

const ownZone = process.env.TZ;

describe('formatLocalDate', () => {
	afterEach(() => {
		if (ownZone === undefined) {
			delete process.env.TZ;
		} else {
			process.env.TZ = ownZone;
		}
	});

	test.each([
		['UTC', '2026-11-24T09:11:12+00:00'],
		['Europe/Berlin', '2026-11-24T10:11:12+01:00'],
		['America/St_Johns', '2026-11-24T05:41:12-03:30'],
		['Asia/Kathmandu', '2026-11-24T14:56:12+05:45'],
	])('in %s it is the local time with the offset of the zone', (zone, text) => {
		process.env.TZ = zone;

		expect(formatLocalDate(Date.UTC(2026, 10, 24, 9, 11, 12, 999))).toBe(text);
	});

	test('what is written is the same second when it is read again', () => {
		const times = fc.date({ min: new Date('1980-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
		fc.assert(
			fc.property(times, fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns'), (time, zone) => {
				process.env.TZ = zone;

				expect(Date.parse(formatLocalDate(time.getTime()))).toBe(Math.floor(time.getTime() / 1000) * 1000);
			}),
		);
	});
});
