import { expect, test } from 'vitest';
import { MaintenanceZone } from './maintenance-zone.ts';

/** A maintenance as Kuma's class makes it, on a server in Asia/Tokyo. */
function maintenances() {
	class Maintenance {
		readonly timezone: unknown;
		constructor(timezone: unknown) {
			this.timezone = timezone;
		}
		async getTimezone(): Promise<unknown> {
			return !this.timezone || this.timezone === 'SAME_AS_SERVER' ? 'Asia/Tokyo' : this.timezone;
		}
	}
	const zone = new MaintenanceZone();
	expect(zone.install(Maintenance)).toBe(true);
	return { zone, zoneOf: (own: unknown) => new Maintenance(own).getTimezone() };
}

const NO_ZONES = ['', 'Etc/Unknown', ':/etc/localtime', '"Europe/Berlin"', 'UTC+1', 'Europe/Berlin '];

test('the server means the leader, and a zone of its own stays', async () => {
	const { zone, zoneOf } = maintenances();
	expect(await zoneOf('SAME_AS_SERVER')).toBe('Asia/Tokyo');

	zone.set('Europe/Berlin');

	for (const own of ['SAME_AS_SERVER', null, '']) expect(await zoneOf(own)).toBe('Europe/Berlin');
	expect(await zoneOf('America/New_York')).toBe('America/New_York');
	expect(zone.problems([])).toEqual([]);
});

test.each(NO_ZONES)('a leader in %j is one in UTC, and that is said', async (name) => {
	const { zone, zoneOf } = maintenances();

	zone.set(name);

	expect(await zoneOf('SAME_AS_SERVER')).toBe('UTC');
	expect(zone.problems([])).toEqual([
		`this Kuma does not know the time zone ${JSON.stringify(name)}, and takes it for UTC`,
	]);
	zone.set('Europe/Berlin');
	expect(await zoneOf('SAME_AS_SERVER')).toBe('Europe/Berlin');
	expect(zone.problems([])).toEqual([]);
});

test.each(NO_ZONES.slice(1))(
	'a maintenance in %j, which another Kuma may know, makes no beat throw',
	async (own) => {
		const { zone, zoneOf } = maintenances();

		expect(await zoneOf(own)).toBe('UTC');

		const rows = [{ timezone: own }, { timezone: own }, { timezone: 'SAME_AS_SERVER' }];
		expect(zone.problems(rows)).toHaveLength(1);
		expect(zone.problems([{ timezone: 'Asia/Tokyo' }])).toEqual([]);
	},
);

test('a new zone is pending until every maintenance has begun in it, however often it is set', () => {
	const zone = new MaintenanceZone();

	zone.set('Europe/Berlin');
	zone.set('Europe/Berlin');
	zone.set(undefined);
	expect(zone.isPending).toBe(true);

	zone.settle();
	zone.set('Europe/Berlin');
	expect(zone.isPending).toBe(false);
	zone.set(null);
	expect(zone.isPending).toBe(true);
});
