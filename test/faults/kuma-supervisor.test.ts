import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { writeDurably } from '../../src/files/durable-file.ts';
import {
	type KumaCrash,
	KumaSupervisor,
	type KumaSupervisorOptions,
} from '../../src/kuma/kuma-supervisor.ts';
import { readProcess } from '../../src/kuma/processes/process-table.ts';
import { freePort } from '../kit/free-port.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { waitFor } from '../kit/wait-for.ts';

const FAKE = join(import.meta.dirname, '..', 'programs', 'kuma-fake.mjs');
const SOON = 10_000;
const FAST = { firstMs: 100, maxMs: 300, resetAfterMs: 60_000 };

const supervisors: KumaSupervisor[] = [];
afterEach(async () => {
	for (const supervisor of supervisors.splice(0)) await supervisor.stop();
});

interface Supervised {
	readonly supervisor: KumaSupervisor;
	readonly crashes: KumaCrash[];
	readonly failures: { readonly error: unknown; readonly nextStartInMs: number | null }[];
	readonly readyPids: number[];
}

async function supervise(
	words: (directory: string) => string[],
	options: Partial<KumaSupervisorOptions> = {},
): Promise<Supervised> {
	const directory = await temporaryDirectory('supervisor');
	const crashes: KumaCrash[] = [];
	const failures: Supervised['failures'] = [];
	const readyPids: number[] = [];
	const supervisor = new KumaSupervisor({
		kuma: {
			command: [process.execPath, FAKE, ...words(directory)],
			cwd: directory,
			env: { ...process.env, UPTIME_KUMA_PORT: String(await freePort()), UPTIME_KUMA_HOST: '127.0.0.1' },
			recordPath: join(directory, 'kuma.json'),
			writeDurably,
		},
		stopGraceMs: 500,
		backOff: FAST,
		onCrash: (crash) => crashes.push(crash),
		onStartFailed: (failure) => failures.push(failure),
		onReady: ({ pid }) => readyPids.push(pid),
		...options,
	});
	supervisors.push(supervisor);
	return { supervisor, crashes, failures, readyPids };
}

/** Supervises a Kuma whose program is a file of its own, which may go. */
async function superviseProgram(): Promise<Supervised & { readonly program: string }> {
	const directory = await temporaryDirectory('supervisor-program');
	const program = join(directory, 'kuma');
	await putProgram(program);
	const supervised = await supervise(() => [], {
		kuma: {
			command: [program],
			cwd: directory,
			env: { ...process.env, UPTIME_KUMA_PORT: String(await freePort()), UPTIME_KUMA_HOST: '127.0.0.1' },
			recordPath: join(directory, 'kuma.json'),
			writeDurably,
		},
	});
	return { ...supervised, program };
}

async function putProgram(path: string): Promise<void> {
	// Renamed into its place: what is being written cannot be run.
	await writeFile(`${path}.new`, `#!/bin/sh\nexec '${process.execPath}' '${FAKE}' "$@"\n`, { mode: 0o700 });
	await rename(`${path}.new`, path);
}

function pidOf(supervisor: KumaSupervisor): number {
	if (supervisor.pid === null) throw new Error('Kuma is not running');
	return supervisor.pid;
}

describe('a crash', () => {
	test('of a running Kuma is told and answered with a new start', async () => {
		const { supervisor, crashes } = await supervise(() => []);
		await supervisor.start();
		const firstPid = pidOf(supervisor);

		process.kill(firstPid, 'SIGKILL');
		await waitFor(() => supervisor.restartCount === 1 && supervisor.state === 'running', {
			timeoutMs: SOON,
			what: 'Kuma runs again',
		});

		expect(crashes).toMatchObject([
			{ exitCode: null, signal: 'SIGKILL', nextStartInMs: 100, cleanUpError: null },
		]);
		expect(supervisor.pid).not.toBe(firstPid);
	});

	test('at every start makes the waits longer, up to the limit, until a start succeeds', async () => {
		const { supervisor, crashes } = await supervise((directory) => [
			'--crash-times=4',
			`--count-file=${join(directory, 'count')}`,
		]);

		await expect(supervisor.start()).rejects.toMatchObject({ code: 'kuma-not-ready', isRetryable: false });
		expect(supervisor.state).toBe('backing-off');
		await waitFor(() => supervisor.state === 'running', { timeoutMs: SOON, what: 'Kuma runs' });

		expect(crashes.map(({ exitCode, nextStartInMs }) => [exitCode, nextStartInMs])).toEqual([
			[3, 100],
			[3, 200],
			[3, 300],
			[3, 300],
		]);
	});

	test('after a healthy while counts as a first one again', async () => {
		const backOff = { firstMs: 50, maxMs: 60_000, resetAfterMs: 300 };
		const { supervisor, crashes } = await supervise(() => ['--crash-after-ms=600'], { backOff });

		await supervisor.start();
		await waitFor(() => crashes.length === 3, { timeoutMs: SOON, what: 'three crashes' });

		expect(crashes.map(({ nextStartInMs }) => nextStartInMs)).toEqual([50, 50, 50]);
	});

	test('of a Kuma that is then stopped is not answered any more', async () => {
		const { supervisor } = await supervise(() => [], { backOff: { ...FAST, firstMs: 300 } });
		await supervisor.start();
		process.kill(pidOf(supervisor), 'SIGKILL');
		await waitFor(() => supervisor.state === 'backing-off', { timeoutMs: SOON, what: 'Kuma crashed' });

		await supervisor.stop();
		await new Promise((resolve) => setTimeout(resolve, 600));

		expect(supervisor).toMatchObject({ state: 'stopped', pid: null, restartCount: 0 });
	});
});

describe('restart', () => {
	test('ends the old Kuma before the new one starts and says how long nobody watched', async () => {
		const reasons: string[] = [];
		const { supervisor, readyPids } = await supervise(() => [], {
			onRestart: (reason) => reasons.push(reason),
		});
		await supervisor.start();
		const firstPid = pidOf(supervisor);

		const report = await supervisor.restart('a plan was applied');

		expect(report).toMatchObject({ outcome: 'restarted', blindMs: expect.any(Number) });
		expect(await readProcess(firstPid)).toBeNull();
		expect(readyPids).toEqual([firstPid, supervisor.pid]);
		expect(reasons).toEqual(['a plan was applied']);
		expect(supervisor).toMatchObject({ state: 'running', restartCount: 1 });
	});

	test('while backing off starts Kuma at once', async () => {
		const backOff = { firstMs: 60_000, maxMs: 60_000, resetAfterMs: 60_000 };
		const { supervisor } = await supervise(() => [], { backOff });
		await supervisor.start();
		process.kill(pidOf(supervisor), 'SIGKILL');
		await waitFor(() => supervisor.state === 'backing-off', { timeoutMs: SOON, what: 'Kuma crashed' });

		await supervisor.restart('a plan was applied');

		expect(supervisor.state).toBe('running');
	});

	test('asked for twice happens twice, one after the other', async () => {
		const { supervisor, readyPids, crashes } = await supervise(() => []);
		await supervisor.start();

		await Promise.all([supervisor.restart('one'), supervisor.restart('two')]);

		expect(new Set(readyPids).size).toBe(3);
		expect(crashes).toEqual([]);
		expect(supervisor).toMatchObject({ state: 'running', restartCount: 2 });
	});

	test('that a stop meets while the old Kuma ends starts no new one', async () => {
		const { supervisor } = await supervise(() => ['--ignore-sigterm']);
		await supervisor.start();

		const restarting = supervisor.restart('to take something up');
		await waitFor(() => supervisor.state === 'stopping', { timeoutMs: SOON, what: 'the end of the old one' });
		await supervisor.stop();

		expect(await restarting).toEqual({ outcome: 'not-running' });
		expect(supervisor.restartCount).toBe(0);
		expect(supervisor.pid).toBeNull();
	});

	test('of a Kuma that is not wanted to run does nothing', async () => {
		const { supervisor } = await supervise(() => []);

		await expect(supervisor.restart('a plan was applied')).resolves.toEqual({ outcome: 'not-running' });
		await supervisor.start();
		const stop = supervisor.stop();
		await expect(supervisor.restart('a plan was applied')).resolves.toEqual({ outcome: 'not-running' });
		await stop;

		expect(supervisor).toMatchObject({ state: 'stopped', pid: null });
	});

	test('whose port a stranger has taken is tried again until it is free', async () => {
		const port = await freePort();
		const directory = await temporaryDirectory('supervisor');
		const { supervisor, failures } = await supervise(() => [], {
			kuma: {
				command: [process.execPath, FAKE],
				cwd: directory,
				env: { ...process.env, UPTIME_KUMA_PORT: String(port), UPTIME_KUMA_HOST: '127.0.0.1' },
				recordPath: join(directory, 'kuma.json'),
				writeDurably,
			},
		});
		await supervisor.start();
		process.kill(pidOf(supervisor), 'SIGKILL');
		await waitFor(() => supervisor.pid === null, { timeoutMs: SOON, what: 'Kuma is gone' });
		const stranger = createServer().listen(port, '127.0.0.1');

		await waitFor(() => failures.length >= 2, { timeoutMs: SOON, what: 'two failed starts' });
		stranger.close();
		await waitFor(() => supervisor.state === 'running', { timeoutMs: SOON, what: 'Kuma runs' });

		expect(failures[0]).toMatchObject({ error: { code: 'kuma-not-startable' }, nextStartInMs: 200 });
	});

	describe('while its program is being replaced', () => {
		const absences = [
			['is not there', (program: string) => rename(program, `${program}.old`)],
			['must not be run', (program: string) => chmod(program, 0o600)],
		] as const;
		test.each(absences)('and %s, is tried again until it can be run', async (_what, takeAway) => {
			const { supervisor, failures, program } = await superviseProgram();
			await supervisor.start();

			await takeAway(program);
			const restart = supervisor.restart('a plan was applied');
			await expect(restart).rejects.toMatchObject({ code: 'kuma-not-startable', isRetryable: false });
			expect(supervisor.state).toBe('backing-off');
			await waitFor(() => failures.length >= 3, { timeoutMs: SOON, what: 'three failed starts' });
			await putProgram(program);
			await waitFor(() => supervisor.state === 'running', { timeoutMs: SOON, what: 'Kuma runs' });

			expect(failures.map(({ nextStartInMs }) => nextStartInMs).slice(0, 3)).toEqual([100, 200, 300]);
		});

		test('and a crash comes then, is tried again, too', async () => {
			const { supervisor, failures, program } = await superviseProgram();
			await supervisor.start();

			await rm(program);
			process.kill(pidOf(supervisor), 'SIGKILL');
			await waitFor(() => failures.length >= 2, { timeoutMs: SOON, what: 'two failed starts' });
			await putProgram(program);

			await waitFor(() => supervisor.state === 'running', { timeoutMs: SOON, what: 'Kuma runs' });
		});
	});
});

describe('start and stop', () => {
	test('a command that cannot be run is final', async () => {
		const directory = await temporaryDirectory('supervisor');
		const { supervisor } = await supervise(() => [], {
			kuma: {
				command: ['no-such-program-here'],
				cwd: directory,
				env: { ...process.env, UPTIME_KUMA_PORT: String(await freePort()) },
				recordPath: join(directory, 'kuma.json'),
				writeDurably,
			},
		});

		await expect(supervisor.start()).rejects.toMatchObject({ code: 'kuma-not-startable' });

		expect(supervisor).toMatchObject({ state: 'stopped', pid: null });
	});

	test('a slow Kuma is told, left to go on, and counts as running once its port answers', async () => {
		const { supervisor } = await supervise(() => ['--listen-after-ms=1200'], { readyTimeoutMs: 400 });

		await expect(supervisor.start()).rejects.toMatchObject({ code: 'kuma-not-ready', isRetryable: true });
		expect(supervisor.state).toBe('starting');

		await waitFor(() => supervisor.state === 'running', { timeoutMs: SOON, what: 'Kuma runs' });
	});

	test('a stop cuts a wait for readiness short', async () => {
		const { supervisor, crashes } = await supervise(() => ['--listen-after-ms=60000']);
		const start = supervisor.start();
		start.catch(() => {});
		await waitFor(() => supervisor.pid !== null, { timeoutMs: SOON, what: 'Kuma is there' });

		await supervisor.stop();

		await expect(start).rejects.toMatchObject({ code: 'interrupted' });
		expect(crashes).toEqual([]);
		expect(supervisor).toMatchObject({ state: 'stopped', pid: null });
	});

	test('a signal is passed on to Kuma', async () => {
		const { supervisor, crashes } = await supervise(() => []);
		await supervisor.start();

		supervisor.forward('SIGHUP');
		await waitFor(() => crashes.length === 1, { timeoutMs: SOON, what: 'the fake ends by SIGHUP' });

		expect(crashes).toMatchObject([{ signal: 'SIGHUP' }]);
	});
});
