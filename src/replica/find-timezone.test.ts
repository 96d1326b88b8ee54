import { afterEach, expect, test, vi } from 'vitest';
import { findTimezone } from './find-timezone.ts';

afterEach(() => vi.unstubAllEnvs());

test.each(['Europe/Berlin', 'America/Argentina/Ushuaia', 'Etc/GMT+5', 'UTC'])(
	"the environment's %s comes first",
	(zone) => {
		vi.stubEnv('TZ', zone);

		expect(findTimezone('Asia/Tokyo')).toBe(zone);
	},
);

test.each(['Nowhere/Land', 'America/Argentina', 'Europe/../Europe/Berlin', ''])(
	"the setting counts where the environment's %j is no zone",
	(zone) => {
		vi.stubEnv('TZ', zone);

		expect(findTimezone('"Asia/Tokyo"')).toBe('Asia/Tokyo');
		expect(findTimezone('Asia/Tokyo')).toBe('Asia/Tokyo');
	},
);

test('without a usable one it is the zone that Node runs in', () => {
	vi.stubEnv('TZ', undefined);

	for (const setting of [undefined, '', 'Nowhere/Land'])
		expect(findTimezone(setting)).toBe(Intl.DateTimeFormat().resolvedOptions().timeZone);
});
