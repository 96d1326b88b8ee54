import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StatePaths } from '../../src/instance/state-folder/data-directory.ts';
import { freshState, saveState } from '../../src/instance/state-folder/state-file.ts';
import type { Status } from '../../src/model/status.ts';
import { startMonitoredKuma, stateDirectory } from '../kit/monitored-kuma.ts';

const ERRNOS = ['ENOSPC', 'EROFS', 'EACCES', 'EIO', 'EMFILE', 'EISDIR', 'ENOTDIR'] as const;
const IDENTITY = 'the-instance-of-before';

async function runBefore() {
	const place = await stateDirectory();
	await saveState(place.paths.stateFile, freshState(IDENTITY));
	return place;
}

describe('where replication needs a file and cannot use it, Kuma runs, and replication comes back with the file', () => {
	test.each(
		(['root', 'stateFile'] as const).flatMap((place) => ERRNOS.map((errno) => [place, errno] as const)),
	)('%s: %s', async (place, errno) => {
		const { dataDirectory, paths } = await runBefore();
		const until = join(dataDirectory, 'broken');
		await writeFile(until, '');

		const kuma = await startMonitoredKuma({
			dataDirectory,
			failing: { paths: [paths[place]], errno, until },
		});
		await kuma.untilMonitoring();
		const down = await kuma.untilRunning('down', ({ replication }) => replication.state === 'down');

		const isDamage = place === 'stateFile' && errno === 'EISDIR';
		expect(down.replication.trouble).toMatchObject({
			code: errno === 'ENOSPC' ? 'disk-full' : isDamage ? 'state-corrupt' : 'file-access',
			message: expect.stringContaining(paths[place]),
			hint: expect.any(String),
		});
		expect(down).toMatchObject({ instanceId: null, unexpectedErrors: { count: 0 } });

		await rm(until);
		kuma.wake();
		const back = await kuma.untilRunning('a cycle', ({ lastCycle }) => lastCycle !== null);
		expect(back).toMatchObject({ instanceId: IDENTITY, kuma: { pid: down.kuma.pid, restarts: 0 } });
		expect(await kuma.stop()).toBe(0);
	});
});

describe('where files of any other kind cannot be used, Kuma runs, each is named, and everything stops in order', () => {
	const PLACES = [
		'lockHolderFile',
		'kumaRecord',
		'controlSocket',
		'agentSocket',
		'appliedDirectory',
		'publishDirectory',
		'cacheDirectory',
		'exportsDirectory',
	] as const satisfies readonly (keyof StatePaths)[];

	test.each<readonly [errno: string, readonly (keyof StatePaths)[]]>([
		...ERRNOS.map((errno) => [errno, PLACES] as const),
		...PLACES.map((place) => ['EIO', [place]] as const),
	])('%s of %s', async (errno, places) => {
		const { dataDirectory, paths } = await runBefore();
		const leftover = join(paths.root, 'tmp-of-an-earlier-run');
		await mkdir(leftover);

		const failing = { paths: [...places.map((place) => paths[place]), leftover], errno };
		const kuma = await startMonitoredKuma({ dataDirectory, failing });
		await kuma.untilMonitoring();
		const isNamed = (status: Status) =>
			places.every((place) => status.troubles.some(({ message }) => message.includes(paths[place])));
		const status = await kuma.untilStatus(
			'a cycle and every trouble',
			(shown) => shown.lastCycle !== null && isNamed(shown),
		);

		expect(status).toMatchObject({ instanceId: IDENTITY, unexpectedErrors: { count: 0 } });
		for (const { hint } of status.troubles) expect(hint).toEqual(expect.any(String));
		expect(kuma.log()).toMatch(/WARN: .*left behind.*tmp-of-an-earlier-run/);
		expect(await kuma.stop()).toBe(0);
	});
});
