import { afterEach, expect, test, vi } from 'vitest';
import type { LeadersZone } from '../../src/model/reload.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { fleetMember } from '../kit/fleet-member.ts';
import { memoryRepository, memoryStore } from '../kit/memory-repository.ts';

afterEach(() => vi.unstubAllEnvs());

/** A leader that has published in a time zone, and a replica that is about to apply it. */
async function pairIn(zone: string) {
	vi.stubEnv('TZ', zone);
	const store = memoryStore();
	const leader = await fleetMember({ mode: 'BACKUP', repository: memoryRepository({ store }) });
	await leader.cycle();
	const replica = await fleetMember({
		mode: 'RESTORE',
		repository: memoryRepository({ store }),
		isEmpty: true,
	});
	return { leader, replica };
}

test.each(['', ':/etc/localtime', '"Europe/Berlin"', 'Etc/Unknown', 'CET-1CEST', 'Europe/Berlin '])(
	'a leader whose TZ is %j is followed, and is in UTC',
	async (zone) => {
		const { leader, replica } = await pairIn(zone);

		expect((await replica.cycle()).outcome).toBe('applied');
		expect((await leader.cycle()).outcome).toBe('unchanged');

		const { position } = replica.state;
		const kept = await replica.instance.snapshots.load(position?.digest ?? '');
		expect(kept?.manifest.timezone).toBe('UTC');
	},
);

test('another time zone of the leader is told once, whatever else comes with it', async () => {
	const { leader, replica } = await pairIn('Europe/Berlin');
	expect(await replica.cycle()).not.toHaveProperty('timezoneChange');

	vi.stubEnv('TZ', 'America/New_York');
	await leader.cycle();
	const alone = await replica.cycle();
	const quiet = await replica.cycle();
	await replica.restart();
	const restarted = await replica.cycle();
	vi.stubEnv('TZ', 'Asia/Tokyo');
	leader.edit("UPDATE monitor SET name = 'renamed' WHERE id = 1");
	await leader.cycle();
	const withMore = await replica.cycle();

	expect(alone).toMatchObject({
		outcome: 'unchanged',
		timezoneChange: { before: 'Europe/Berlin', after: 'America/New_York' },
	});
	expect(quiet).not.toHaveProperty('timezoneChange');
	expect(restarted).not.toHaveProperty('timezoneChange');
	expect(withMore).toMatchObject({
		outcome: 'applied',
		timezoneChange: { before: 'America/New_York', after: 'Asia/Tokyo' },
	});
});

test('a replica that is up to date can say the zone of what it holds', async () => {
	const { replica } = await pairIn('Europe/Berlin');
	await replica.cycle();
	const settled: (LeadersZone | undefined)[] = [];
	await replica.restart({
		reload: {
			...NO_RELOAD,
			settle: async (zone) => {
				settled.push(zone);
				return null;
			},
		},
	});
	await replica.cycle();

	expect((await replica.cycle()).outcome).toBe('up-to-date');

	const last = settled.at(-1);
	expect(typeof last === 'function' ? await last() : last).toBe('Europe/Berlin');
});
