import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StatePaths } from '../../src/instance/state-folder/data-directory.ts';
import { freshState, saveState } from '../../src/instance/state-folder/state-file.ts';
import { type MonitoredKuma, startMonitoredKuma, stateDirectory } from '../kit/monitored-kuma.ts';
import { startNtfyServer } from '../kit/ntfy-server.ts';
import { waitFor } from '../kit/wait-for.ts';

const IDENTITY = 'the-instance-of-before';
const SOON = { timeoutMs: 20_000 } as const;

const CONTENTS = {
	'an empty file': '',
	'a torn file': '{"formatVersion":1,"instanceId":"the-ins',
	'a zeroed file': '\0'.repeat(4096),
	'a file that is no JSON object': '[1]',
	'a file of the future': '{"formatVersion":99,"instanceId":"the-instance-of-before"}',
} as const;

async function putFolder(path: string): Promise<void> {
	await mkdir(path);
	await writeFile(join(path, 'of-somebody'), 'worth something');
}

async function contentOf(path: string): Promise<string> {
	return readFile(path, 'utf8').catch(() => readFile(join(path, 'of-somebody'), 'utf8'));
}

async function problemsOf(kuma: MonitoredKuma): Promise<readonly { message: string; hint: string | null }[]> {
	const { stdout } = await kuma.command('doctor', '--json');
	const { findings } = JSON.parse(stdout) as {
		findings: { verdict: string; message: string; hint: string | null }[];
	};
	return findings.filter(({ verdict }) => verdict === 'problem');
}

describe('the state', () => {
	test.each([
		...Object.entries(CONTENTS).map(
			([what, text]) => [what, (path: string) => writeFile(path, text)] as const,
		),
		['a folder', putFolder] as const,
		['an empty folder', (path: string) => mkdir(path)] as const,
	])(
		'that is %s is named and left alone; Kuma runs, and replication comes back with a good one',
		async (_what, damage) => {
			const ntfy = await startNtfyServer();
			const { dataDirectory, paths } = await stateDirectory();
			await damage(paths.stateFile);
			const before = await contentOf(paths.stateFile).catch(() => null);

			const kuma = await startMonitoredKuma({
				dataDirectory,
				environment: { NTFY_URL: `${ntfy.url}/fleet` },
			});
			await kuma.untilMonitoring();
			const down = await kuma.untilRunning('down', ({ replication }) => replication.state === 'down');

			expect(down.replication.trouble).toMatchObject({
				part: 'replication',
				code: 'state-corrupt',
				message: expect.stringContaining(paths.stateFile),
				hint: expect.any(String),
				retryAt: expect.any(String),
			});
			expect(down).toMatchObject({ instanceId: null, lastCycle: null });
			const shown = await kuma.command('status');
			expect(shown.exitCode).toBe(1);
			expect(shown.stdout).toMatch(/^Replication down since .*Kuma runs all the same$/m);
			expect(shown.stdout).toContain(paths.stateFile);
			expect(await problemsOf(kuma)).toContainEqual(
				expect.objectContaining({
					message: expect.stringContaining(paths.stateFile),
					hint: expect.any(String),
				}),
			);
			const asked = await kuma.command('restore');
			expect([asked.exitCode, asked.stderr]).toEqual([1, expect.stringContaining(paths.stateFile)]);
			await waitFor(() => ntfy.messages.some(({ message }) => message?.includes(paths.stateFile)), {
				...SOON,
				what: 'a notice',
			});
			expect(await contentOf(paths.stateFile).catch(() => null)).toBe(before);

			await rm(paths.stateFile, { recursive: true });
			await saveState(paths.stateFile, freshState(IDENTITY));
			kuma.wake();
			const back = await kuma.untilRunning('a cycle', ({ lastCycle }) => lastCycle !== null);

			expect(back).toMatchObject({
				instanceId: IDENTITY,
				replication: { state: 'working', trouble: null },
				kuma: { pid: down.kuma.pid, restarts: 0 },
			});
			expect(await kuma.stop()).toBe(0);
			expect(await kuma.isMonitoring()).toBe(false);
		},
	);

	test('that comes back is taken up without anybody asking for it', async () => {
		const { dataDirectory, paths } = await stateDirectory();
		await writeFile(paths.stateFile, '');
		const kuma = await startMonitoredKuma({ dataDirectory });
		await kuma.untilRunning('down', ({ replication }) => replication.state === 'down');

		await saveState(paths.stateFile, freshState(IDENTITY));

		await kuma.untilStatus('it works', ({ replication }) => replication.state === 'working');
	});
});

type Place = Exclude<keyof StatePaths, 'root' | 'stateFile'>;
const FILES = ['lockFile', 'lockHolderFile', 'kumaRecord', 'controlSocket', 'agentSocket'] as const;
const FOLDERS = ['appliedDirectory', 'publishDirectory', 'cacheDirectory', 'exportsDirectory'] as const;

describe('what is worth nothing is made again', () => {
	test.each<readonly [what: string, readonly Place[], (path: string) => Promise<unknown>]>([
		...Object.entries(CONTENTS).map(
			([what, text]) => [what, FILES, (path: string) => writeFile(path, text)] as const,
		),
		['an empty folder', FILES.slice(1), (path) => mkdir(path)],
		['an empty file', FOLDERS, (path) => writeFile(path, '')],
	])('where %s is in the place of %s', async (_what, places, damage) => {
		const { dataDirectory, paths } = await stateDirectory();
		for (const place of places) await damage(paths[place]);

		const kuma = await startMonitoredKuma({ dataDirectory });
		await kuma.untilMonitoring();
		const status = await kuma.untilRunning(
			'a cycle',
			({ lastCycle, kuma: shown }) => lastCycle !== null && shown.agent.isConnected,
		);

		expect(status).toMatchObject({
			replication: { state: 'working' },
			troubles: [],
			unexpectedErrors: { count: 0 },
			kuma: { agent: { isConnected: true } },
		});
		expect(await kuma.stop()).toBe(0);
	});
});

describe('what may be worth something is named and left alone, and replication goes on', () => {
	test.each<readonly [Place, part: string | null, (path: string) => Promise<unknown>]>([
		['lockHolderFile', null, putFolder],
		['kumaRecord', 'kuma record', putFolder],
		['controlSocket', 'control socket', putFolder],
		['agentSocket', 'agent socket', putFolder],
		...FOLDERS.map((place) => [place, null, (path: string) => writeFile(path, 'worth something')] as const),
	])('%s', async (place, part, damage) => {
		const { dataDirectory, paths } = await stateDirectory();
		const path = paths[place];
		await damage(path);

		const kuma = await startMonitoredKuma({ dataDirectory });
		await kuma.untilMonitoring();
		const status = await kuma.untilStatus(
			'a cycle and the trouble',
			({ lastCycle, troubles }) => lastCycle !== null && troubles.length > 0,
		);

		expect(status.troubles).toEqual([
			expect.objectContaining({
				part: part ?? path,
				code: 'file-access',
				message: expect.stringContaining(path),
				hint: expect.any(String),
			}),
		]);
		expect(status).toMatchObject({
			replication: { state: 'working' },
			kuma: { agent: { isConnected: true } },
		});
		expect((await kuma.command('status')).stdout).toContain(path);
		const problems = await problemsOf(kuma);
		expect(problems).toContainEqual(expect.objectContaining({ message: expect.stringContaining(path) }));
		expect(await kuma.stop()).toBe(0);
		expect(await contentOf(path)).toBe('worth something');
	});
});

test.each([
	['replicator-kuma is a file', 'root'],
	['the lock is a folder', 'lockFile'],
] as const)('where %s, Kuma runs and replication is down until it is not', async (_what, place) => {
	const { dataDirectory, paths } = await stateDirectory();
	await rm(paths[place], { recursive: true, force: true });
	if (place === 'root') await writeFile(paths.root, 'worth something');
	else await putFolder(paths[place]);

	const kuma = await startMonitoredKuma({ dataDirectory });
	await kuma.untilMonitoring();
	const down = await kuma.untilRunning(
		'down',
		({ replication, kuma: shown }) => replication.state === 'down' && shown.agent.isConnected,
	);
	const second = await startMonitoredKuma({ after: kuma });

	expect(down.replication.trouble).toMatchObject({
		code: 'file-access',
		message: expect.stringContaining(paths[place]),
	});
	expect(down.kuma.agent.isConnected).toBe(true);
	expect(await problemsOf(kuma)).toContainEqual(
		expect.objectContaining({ message: expect.stringContaining(paths[place]) }),
	);
	expect(await second.ended()).toBe(4);
	expect(await contentOf(paths[place])).toBe('worth something');

	await rm(paths[place], { recursive: true });
	kuma.wake();
	const back = await kuma.untilStatus(
		'everything',
		({ lastCycle, troubles }) => lastCycle !== null && troubles.length === 0,
	);
	expect(back.kuma.pid).toBe(down.kuma.pid);
	expect(await kuma.stop()).toBe(0);
});

describe('where there is no place for a control socket at all', () => {
	test('status and doctor say which process runs, and that it cannot be asked', async () => {
		const { dataDirectory, paths } = await stateDirectory();
		await putFolder(paths.controlSocket);
		const kuma = await startMonitoredKuma({ dataDirectory, environment: { TMPDIR: '/nowhere' } });
		await kuma.untilMonitoring();
		await waitFor(() => kuma.log().includes('control socket'), { ...SOON, what: 'the trouble in the log' });

		const status = await kuma.command('status');

		expect([status.exitCode, status.stderr]).toEqual([
			1,
			expect.stringContaining(`A replicator-kuma (process ${kuma.pid}) runs on ${dataDirectory}`),
		]);
		expect(await problemsOf(kuma)).toEqual(
			expect.arrayContaining([
				expect.objectContaining({ message: expect.stringContaining(paths.controlSocket) }),
				expect.objectContaining({ message: expect.stringContaining('it cannot be asked') }),
			]),
		);
		expect(await kuma.stop()).toBe(0);
	});

	test('nor for a lock, they say why nothing can be known, and Kuma runs without an agent', async () => {
		const { dataDirectory, paths } = await stateDirectory();
		await rm(paths.root, { recursive: true });
		await writeFile(paths.root, 'worth something');

		const kuma = await startMonitoredKuma({ dataDirectory, environment: { TMPDIR: '/nowhere' } });
		await kuma.untilMonitoring();
		const status = await kuma.command('status');

		expect([status.exitCode, status.stderr]).toEqual([1, expect.stringContaining(paths.root)]);
		expect(await problemsOf(kuma)).toContainEqual(
			expect.objectContaining({ message: expect.stringContaining(paths.root) }),
		);
		expect(await kuma.stop()).toBe(0);
		expect(await kuma.isMonitoring()).toBe(false);
	});
});
