import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { findTimezone } from '../../src/instance/snapshots/find-timezone.ts';
import { prepareFleet } from '../kit/fleet.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { kumaInstallation } from '../kit/kuma-installation.ts';
import { kumaRows } from '../kit/kuma-rows.ts';
import { openMonitorRows } from '../kit/monitor-rows.ts';
import { waitFor } from '../kit/wait-for.ts';

const PROGRAM = join(import.meta.dirname, '../programs/kuma-timezones.cjs');
const SOON_MS = 60_000;
const MAINTENANCE = 3;

afterEach(() => vi.unstubAllEnvs());

const TIMEZONES = [
	null,
	'',
	'UTC',
	'utc',
	'Europe/Berlin',
	'europe/berlin',
	'Asia/Kolkata',
	'US/Pacific',
	'EST5EDT',
	'Etc/GMT+5',
	'Etc/Unknown',
	':/etc/localtime',
	':Europe/Berlin',
	'"Europe/Berlin"',
	'Europe/Berlin ',
	'CET-1CEST',
	'UTC+1',
	'UTC0',
	'posix/Europe/Berlin',
	'Nowhere/Land',
	'/usr/share/zoneinfo/Europe/Berlin',
];
const SETTINGS = [undefined, null, '', 'Asia/Tokyo', 'asia/tokyo', 'Nowhere/Land', '"Asia/Tokyo"', 7];

test("whatever TZ and Kuma's setting are, the zone is the one that Kuma's own code finds", async () => {
	const { directory, node } = await kumaInstallation();
	const cases = TIMEZONES.flatMap((tz) => SETTINGS.map((setting) => ({ tz, setting })));

	const { stdout } = await execa(node, [PROGRAM, directory, JSON.stringify(cases)], {
		cwd: directory,
		env: { DATA_DIR: '/nowhere/' },
	});
	const kumas = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as string[];

	const ours = cases.map(({ tz, setting }) => {
		vi.stubEnv('TZ', tz ?? undefined);
		return findTimezone(setting === undefined ? undefined : JSON.stringify(setting));
	});
	expect(cases.map((each, index) => ({ ...each, zone: ours[index] }))).toEqual(
		cases.map((each, index) => ({ ...each, zone: kumas[index] })),
	);
});

test('a replica that is up before a leader without a time zone has published beats, and keeps quiet in its maintenance', async () => {
	const fleet = await prepareFleet({
		leader: { database: 'sqlite', environment: { TZ: '' } },
		replicas: { replica: { mode: 'RESTORE', database: 'sqlite', environment: { TZ: 'Asia/Tokyo' } } },
	});
	onTestFinished(() => fleet.discard());
	const { leader, replicas } = fleet;
	await Promise.all([replicas.replica.start(), leader.start()]);
	const page = await KumaClient.connect(leader.url);
	await page.setup('admin', 'secret-12345');
	const monitor = await page.addMonitor({ name: 'Shop', url: 'http://127.0.0.1:9/', interval: 20 });
	const hour = new Date().getUTCHours();
	const time = (offset: number) => ({ hours: (hour + offset + 24) % 24, minutes: 0 });
	const maintenance = await page.addMaintenance({
		title: 'Now',
		strategy: 'recurring-weekday',
		weekdays: [0, 1, 2, 3, 4, 5, 6],
		timeRange: [time(-1), time(2)],
		timezoneOption: 'SAME_AS_SERVER',
	});
	await page.setMaintenanceScope(maintenance, { monitors: [monitor], statusPages: [] });
	page.close();
	const rows = await openMonitorRows(leader.dataDirectory);
	await rows.update([{ id: monitor, interval: 2 }]);
	await rows.close();

	// Parts of it may be published already; all of it is now.
	expect((await leader.run('backup')).exitCode).toBe(0);
	await fleet.follow();

	const beats = async () =>
		(await kumaRows(replicas.replica.dataDirectory, 'heartbeat')).map(({ status }) => Number(status));
	await waitFor(async () => (await beats()).length >= 2, {
		timeoutMs: SOON_MS,
		what: `beats of the replica; it said:\n${replicas.replica.log().slice(-3_000)}`,
	});
	expect(new Set(await beats())).toEqual(new Set([MAINTENANCE]));
	const { kuma } = await replicas.replica.status();
	expect(kuma).toMatchObject({ restarts: 0, agent: { problems: [] } });
	expect((await replicas.replica.run('status')).exitCode).toBe(0);
});
