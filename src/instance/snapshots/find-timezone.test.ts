import { afterEach, expect, test, vi } from 'vitest';
import { findTimezone, judgeTimezone } from './find-timezone.ts';

afterEach(() => vi.unstubAllEnvs());

const ZONES = [
	'Europe/Berlin',
	'America/Argentina/Ushuaia',
	'Asia/Kolkata',
	'Etc/GMT+5',
	'UTC',
	'europe/berlin',
];

/** Seen in compose files, env files, and on systems whose TZ is meant for the C library alone. */
const NO_ZONES = [
	'',
	'Etc/Unknown',
	':/etc/localtime',
	'"Europe/Berlin"',
	"'Europe/Berlin'",
	'Europe/Berlin ',
	'Europe/Berlin\n',
	'CET-1CEST',
	'CET-1CEST,M3.5.0,M10.5.0/3',
	'UTC+1',
	'UTC0',
	'$'.concat('{TZ}'),
	'Nowhere/Land',
	'America/Argentina',
	'Europe/../Europe/Berlin',
	'/usr/share/zoneinfo/Europe/Berlin',
];

test.each(ZONES)("the environment's %s comes first", (zone) => {
	vi.stubEnv('TZ', zone);

	expect(findTimezone('"Asia/Tokyo"')).toBe(zone);
});

test.each(NO_ZONES)("the setting counts where the environment's %j is no zone", (zone) => {
	vi.stubEnv('TZ', zone);

	expect(findTimezone('"Asia/Tokyo"')).toBe('Asia/Tokyo');
	expect(findTimezone('Asia/Tokyo')).toBe('Asia/Tokyo');
});

test.each(NO_ZONES)('with %j in both places it is one that can be used', (zone) => {
	vi.stubEnv('TZ', zone);

	const found = findTimezone(JSON.stringify(zone));

	expect(() => new Intl.DateTimeFormat('en', { timeZone: found })).not.toThrow();
	// Node, and so Kuma, makes UTC of all these.
	expect(found).toBe('UTC');
});

test.each(['posix/Europe/Berlin', ':Europe/Berlin'])('a TZ of %s is what Node makes of it', (zone) => {
	vi.stubEnv('TZ', zone);

	expect(findTimezone(undefined)).toBe('Europe/Berlin');
});

test.each([undefined, null, '', '""', 'null', '0', '"Nowhere/Land"', '{}', '[1]', '"unfinished'])(
	'without TZ and with the setting %j it is the zone that Node runs in',
	(setting) => {
		vi.stubEnv('TZ', undefined);

		expect(findTimezone(setting)).toBe(Intl.DateTimeFormat().resolvedOptions().timeZone);
	},
);

test('what is no zone is named, with what it is taken for', () => {
	vi.stubEnv('TZ', '"Europe/Berlin"');

	expect(judgeTimezone('"Nowhere/Land"')).toEqual({
		timezone: 'UTC',
		ignored: [
			{ source: 'TZ', value: '"Europe/Berlin"' },
			{ source: 'serverTimezone', value: 'Nowhere/Land' },
		],
	});
	// Kuma takes an empty TZ for none, and so does everybody.
	vi.stubEnv('TZ', '');
	expect(judgeTimezone('"Asia/Tokyo"')).toEqual({ timezone: 'Asia/Tokyo', ignored: [] });
});
