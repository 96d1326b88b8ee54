import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { statePaths } from '../../src/instance/state-folder/data-directory.ts';
import { freshState, saveState } from '../../src/instance/state-folder/state-file.ts';
import { startMonitoredKuma } from '../kit/monitored-kuma.ts';
import { mountSmallDisk } from '../kit/small-disk.ts';

const IDENTITY = 'the-instance-of-before';
const DISK_KIB = 512;

/** Writes until nothing goes in any more. @returns the file to remove. */
async function fill(directory: string): Promise<string> {
	const path = join(directory, 'something-large');
	await writeFile(path, new Uint8Array(DISK_KIB * 1024 * 2)).catch(() => undefined);
	return path;
}

async function problemsOf(kuma: Awaited<ReturnType<typeof startMonitoredKuma>>): Promise<string[]> {
	const { stdout } = await kuma.command('doctor', '--json');
	const { findings } = JSON.parse(stdout) as { findings: { verdict: string; message: string }[] };
	return findings.filter(({ verdict }) => verdict === 'problem').map(({ message }) => message);
}

test.each(['for the first time', 'again'])(
	'on a disk that is full, started %s, Kuma runs, and replication begins when there is space',
	async (when) => {
		const disk = await mountSmallDisk(DISK_KIB);
		const paths = statePaths(disk.path);
		if (when === 'again') {
			await mkdir(paths.root, { mode: 0o700 });
			await saveState(paths.stateFile, freshState(IDENTITY));
		}
		const ballast = await fill(disk.path);

		const kuma = await startMonitoredKuma({ dataDirectory: disk.path });
		await kuma.untilMonitoring();
		const full = await kuma.untilRunning(
			'the trouble',
			({ replication, troubles }) => replication.state === 'down' || troubles.length > 0,
		);

		const named = [
			...(full.replication.trouble === null ? [] : [full.replication.trouble]),
			...full.troubles,
		];
		expect(named[0]).toMatchObject({ code: 'disk-full', hint: expect.stringContaining('Free some space') });
		expect(await problemsOf(kuma)).toContainEqual(expect.stringContaining('the disk is full'));

		await rm(ballast);
		kuma.wake();
		const back = await kuma.untilStatus(
			'everything',
			({ lastCycle, troubles }) => lastCycle !== null && troubles.length === 0,
		);
		expect(back.kuma).toMatchObject({ pid: full.kuma.pid, restarts: 0 });
		if (when === 'again') expect(back.instanceId).toBe(IDENTITY);
		expect(await kuma.stop()).toBe(0);
	},
);

test.each(['for the first time', 'again'])(
	'on a disk that is read-only, started %s, Kuma runs with its agent, no second one does, and it all comes back',
	async (when) => {
		const disk = await mountSmallDisk(DISK_KIB);
		const paths = statePaths(disk.path);
		if (when === 'again') {
			await mkdir(paths.root, { mode: 0o700 });
			await saveState(paths.stateFile, freshState(IDENTITY));
			await writeFile(paths.lockFile, '');
		}
		await disk.remount('ro');

		const kuma = await startMonitoredKuma({ dataDirectory: disk.path });
		await kuma.untilMonitoring();
		const down = await kuma.untilRunning(
			'down',
			({ replication, kuma: shown }) => replication.state === 'down' && shown.agent.isConnected,
		);

		expect(down.replication.trouble).toMatchObject({
			code: 'file-access',
			message: expect.stringContaining('EROFS'),
			hint: expect.stringContaining('read-only'),
		});
		expect(down.kuma.agent.isConnected).toBe(true);
		expect(await problemsOf(kuma)).toContainEqual(expect.stringContaining('EROFS'));
		const second = await startMonitoredKuma({ after: kuma });
		expect([await second.ended(), second.log()]).toEqual([
			4,
			expect.stringContaining('Another replicator-kuma'),
		]);

		await disk.remount('rw');
		// Also by one that can write again, and has a lock of its own to take.
		const third = await startMonitoredKuma({ after: kuma });
		expect(await third.ended()).toBe(4);
		kuma.wake();
		const back = await kuma.untilStatus(
			'everything',
			({ lastCycle, troubles }) => lastCycle !== null && troubles.length === 0,
		);
		expect(back.kuma).toMatchObject({ pid: down.kuma.pid, restarts: 0 });
		expect(await kuma.stop()).toBe(0);
	},
);

test('a disk that becomes read-only under a running one keeps a second one away, whose lock it can only read', async () => {
	const disk = await mountSmallDisk(DISK_KIB);
	const kuma = await startMonitoredKuma({ dataDirectory: disk.path });
	await kuma.untilRunning('a cycle', ({ lastCycle }) => lastCycle !== null);
	await disk.remount('ro').catch(() => undefined);

	const second = await startMonitoredKuma({ dataDirectory: disk.path });

	expect([await second.ended(), second.log()]).toEqual([4, expect.stringContaining(`process ${kuma.pid}`)]);
	expect(await kuma.isMonitoring()).toBe(true);
	expect(await kuma.stop()).toBe(0);
});

test('a Kuma that was left behind on a read-only disk is taken over by the next start', async () => {
	const disk = await mountSmallDisk(DISK_KIB);
	await disk.remount('ro');
	const first = await startMonitoredKuma({ dataDirectory: disk.path });
	await first.untilMonitoring();
	const { kuma: left } = await first.untilRunning('its agent', ({ kuma }) => kuma.agent.isConnected);
	await first.kill();

	const next = await startMonitoredKuma({ after: first });
	const { kuma } = await next.untilRunning('its agent', (status) => status.kuma.agent.isConnected);

	expect(kuma).toMatchObject({ pid: left.pid, restarts: 0 });
	expect(await next.stop()).toBe(0);
	expect(await next.isMonitoring()).toBe(false);
});
