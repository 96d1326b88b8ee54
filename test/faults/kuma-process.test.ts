import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { writeDurably } from '../../src/files/durable-file.ts';
import { type KumaExit, KumaProcess, type KumaProcessOptions } from '../../src/kuma/kuma-process.ts';
import { findListeningPid } from '../../src/kuma/processes/port-owner.ts';
import { listProcesses, readProcess } from '../../src/kuma/processes/process-table.ts';
import { firstLine } from '../kit/first-line.ts';
import { freePort } from '../kit/free-port.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { waitFor } from '../kit/wait-for.ts';

const PROGRAMS = join(import.meta.dirname, '..', 'programs');
const READY_LIMIT = { timeoutMs: 10_000 };

const started: KumaProcess[] = [];
afterEach(async () => {
	for (const kuma of started.splice(0)) await kuma.stop({ graceMs: 500 });
});

async function makeKuma(
	program: string,
	words: string[] = [],
	options: Partial<KumaProcessOptions> = {},
): Promise<{ kuma: KumaProcess; port: number; exits: KumaExit[]; recordPath: string }> {
	const directory = await temporaryDirectory('kuma');
	const port = await freePort();
	const recordPath = join(directory, 'kuma.json');
	const exits: KumaExit[] = [];
	const kuma = new KumaProcess({
		command: [process.execPath, join(PROGRAMS, program), ...words],
		cwd: directory,
		env: environment(port),
		recordPath,
		writeDurably,
		onExit: (exit) => exits.push(exit),
		...options,
	});
	started.push(kuma);
	return { kuma, port, exits, recordPath };
}

function environment(port: number): NodeJS.ProcessEnv {
	return { ...process.env, UPTIME_KUMA_PORT: String(port), UPTIME_KUMA_HOST: '127.0.0.1' };
}

async function isAlive(pid: number): Promise<boolean> {
	return (await readProcess(pid)) !== null;
}

async function membersOf(groupId: number): Promise<number> {
	return ((await listProcesses()) ?? []).filter((entry) => entry.groupId === groupId).length;
}

/** A program that listens on `port` and was not started by us. */
async function spawnStranger(port: number, words: string[] = []): Promise<number> {
	const child = spawn(process.execPath, [join(PROGRAMS, 'kuma-fake.mjs'), ...words], {
		env: environment(port),
		stdio: 'ignore',
	});
	onTestFinished(() => {
		child.kill('SIGKILL');
	});
	await once(child, 'spawn');
	return child.pid ?? 0;
}

describe('start and readiness', () => {
	test('a Kuma that opens its port late is ready only then', async () => {
		const { kuma } = await makeKuma('kuma-fake.mjs', ['--listen-after-ms=700']);
		const startedAtMs = performance.now();

		await kuma.start();
		await kuma.waitUntilReady(READY_LIMIT);

		expect(performance.now() - startedAtMs).toBeGreaterThan(700);
	});

	test('a Kuma behind a wrapper is ready when the grandchild listens', async () => {
		const { kuma } = await makeKuma('kuma-wrapper.mjs');

		await kuma.start();

		await expect(kuma.waitUntilReady(READY_LIMIT)).resolves.toBeUndefined();
	});

	test('a port that a stranger takes after the start does not count as ready', async () => {
		const { kuma, port } = await makeKuma('kuma-fake.mjs', ['--listen-after-ms=60000']);
		await kuma.start();
		await spawnStranger(port);

		const waiting = kuma.waitUntilReady({ timeoutMs: 2_000 });

		await expect(waiting).rejects.toMatchObject({ code: 'kuma-not-ready', isRetryable: true });
		await expect(waiting).rejects.toThrow('somebody else answers there');
	});

	test('a port that is taken before the start is refused with the number and the process', async () => {
		const { kuma, port } = await makeKuma('kuma-fake.mjs');
		const stranger = await spawnStranger(port);
		await waitFor(async () => (await findListeningPid(port)) === stranger, {
			timeoutMs: 10_000,
			what: 'the stranger listens',
		});

		const start = kuma.start();

		await expect(start).rejects.toMatchObject({ code: 'kuma-not-startable', isRetryable: true });
		await expect(start).rejects.toThrow(`port ${port} is taken by process ${stranger}`);
		expect(kuma.pid).toBeNull();
	});

	test('a Kuma that ends before it is ready is reported with its exit code, and only once it is gone', async () => {
		const { kuma, exits } = await makeKuma('kuma-fake.mjs', [
			'--listen-after-ms=60000',
			'--crash-after-ms=200',
		]);
		await kuma.start();

		const waiting = kuma.waitUntilReady(READY_LIMIT);

		await expect(waiting).rejects.toMatchObject({ code: 'kuma-not-ready', isRetryable: false });
		await expect(waiting).rejects.toThrow('exit code 3');
		expect(exits).toMatchObject([{ exitCode: 3, signal: null, wasAsked: false, cleanUpError: null }]);
	});

	test('a command that does not exist is not startable, for good', async () => {
		const { kuma } = await makeKuma('kuma-fake.mjs', [], {
			command: ['no-such-program-here', 'server/server.js'],
		});

		const start = kuma.start();

		await expect(start).rejects.toMatchObject({ code: 'kuma-not-startable', isRetryable: false });
		await expect(start).rejects.toThrow('ENOENT');
	});

	test('a program that is being replaced is startable in a moment, and that is said', async () => {
		const program = join(await temporaryDirectory('program'), 'node');
		await copyFile(process.execPath, program);
		const writing = await open(program, 'r+');
		onTestFinished(() => writing.close());
		const { kuma } = await makeKuma('kuma-fake.mjs', [], { command: [program, 'server/server.js'] });

		await expect(kuma.start()).rejects.toMatchObject({
			code: 'kuma-not-startable',
			isRetryable: true,
			hint: 'The program is being replaced, as by an update; it is tried again.',
			cause: { code: 'ETXTBSY' },
		});
	});

	test('waiting for readiness can be interrupted', async () => {
		const { kuma } = await makeKuma('kuma-fake.mjs', ['--listen-after-ms=60000']);
		await kuma.start();

		const waiting = kuma.waitUntilReady({ timeoutMs: 60_000, signal: AbortSignal.timeout(300) });

		await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
	});

	test('a Kuma that cannot be recorded runs all the same, and that is told', async () => {
		const failures: unknown[] = [];
		const { kuma } = await makeKuma('kuma-fake.mjs', [], {
			writeDurably: () => Promise.reject(new Error('no space')),
			onRecordFailed: (error) => failures.push(error),
		});

		await kuma.start();
		await kuma.waitUntilReady(READY_LIMIT);

		expect(failures).toEqual([new Error('no space')]);
	});
});

describe('stop', () => {
	test('a Kuma that listens to SIGTERM ends at once, and a second stop does nothing', async () => {
		const { kuma, exits } = await makeKuma('kuma-fake.mjs');
		await kuma.start();
		await kuma.waitUntilReady(READY_LIMIT);

		await Promise.all([kuma.stop(), kuma.stop()]);
		await kuma.stop();

		expect(exits).toMatchObject([{ exitCode: 0, wasAsked: true }]);
		expect(kuma.pid).toBeNull();
	});

	test('a Kuma that ignores SIGTERM is killed after the grace period, not before', async () => {
		const { kuma, exits } = await makeKuma('kuma-fake.mjs', ['--ignore-sigterm']);
		await kuma.start();
		await kuma.waitUntilReady(READY_LIMIT);
		const stoppedAtMs = performance.now();

		await kuma.stop({ graceMs: 800 });

		expect(performance.now() - stoppedAtMs).toBeGreaterThan(790);
		expect(exits).toMatchObject([{ signal: 'SIGKILL', wasAsked: true }]);
	});

	test('a wrapper that passes no signal on leaves nothing behind', async () => {
		const { kuma } = await makeKuma('kuma-wrapper.mjs');
		const { pid } = await kuma.start();
		await kuma.waitUntilReady(READY_LIMIT);
		expect(await membersOf(pid)).toBe(2);

		await kuma.stop();

		expect(await membersOf(pid)).toBe(0);
	});

	test('what a crashed wrapper leaves in its group is ended before the exit is told', async () => {
		const { kuma, exits } = await makeKuma('kuma-wrapper.mjs');
		const { pid } = await kuma.start();
		await kuma.waitUntilReady(READY_LIMIT);

		process.kill(pid, 'SIGKILL');
		await waitFor(() => exits.length === 1, { timeoutMs: 10_000, what: 'exit is told' });

		expect(await membersOf(pid)).toBe(0);
		expect(exits).toMatchObject([{ signal: 'SIGKILL', wasAsked: false, cleanUpError: null }]);
	});

	test('Kuma runs in a group of its own, which the signals of a terminal do not reach', async () => {
		const { kuma } = await makeKuma('kuma-fake.mjs');

		const { pid } = await kuma.start();

		expect((await readProcess(pid))?.groupId).toBe(pid);
	});
});

describe('a Kuma left behind', () => {
	test('by a killed run is ended before a new one is started', async () => {
		const { kuma, port, recordPath } = await makeKuma('kuma-fake.mjs');
		const left = await leaveBehind({ port, recordPath, words: [] });

		const { endedPid } = await kuma.start();

		expect(endedPid).toBe(left);
		expect(await isAlive(left)).toBe(false);
		await expect(kuma.waitUntilReady(READY_LIMIT)).resolves.toBeUndefined();
	});

	test('is recorded in a file that only its owner can read', async () => {
		const { kuma, recordPath } = await makeKuma('kuma-fake.mjs');

		const { pid } = await kuma.start();

		expect(JSON.parse(await readFile(recordPath, 'utf8'))).toMatchObject({ pid });
		expect((await stat(recordPath)).mode & 0o777).toBe(0o600);
	});

	test.each(['startTime', 'bootId'])('with another %s is a stranger and stays alive', async (field) => {
		const { kuma, recordPath } = await makeKuma('kuma-fake.mjs');
		const left = await leaveBehind({ port: await freePort(), recordPath, words: [] });
		const record = JSON.parse(await readFile(recordPath, 'utf8'));
		await writeFile(recordPath, JSON.stringify({ ...record, [field]: '1' }));

		const { endedPid } = await kuma.start();

		expect(endedPid).toBeNull();
		expect(await isAlive(left)).toBe(true);
	});

	test('a record that cannot be understood does not keep Kuma from starting', async () => {
		const { kuma, recordPath } = await makeKuma('kuma-fake.mjs');
		await writeFile(recordPath, '{"pid":');

		await expect(kuma.start()).resolves.toMatchObject({ endedPid: null });
	});
});

/** Starts a Kuma under another process, kills that one, and makes sure that its Kuma lives on. @returns its pid. */
async function leaveBehind(request: { port: number; recordPath: string; words: string[] }): Promise<number> {
	const holder = spawn(
		process.execPath,
		[
			join(PROGRAMS, 'kuma-holder.mjs'),
			request.recordPath,
			PROGRAMS,
			process.execPath,
			join(PROGRAMS, 'kuma-fake.mjs'),
			...request.words,
		],
		{ env: environment(request.port), stdio: ['ignore', 'pipe', 'inherit'] },
	);
	const { pid } = JSON.parse(await firstLine(holder)) as { pid: number };
	onTestFinished(async () => {
		if (await isAlive(pid)) process.kill(pid, 'SIGKILL');
	});
	holder.kill('SIGKILL');
	await once(holder, 'exit');
	expect(await isAlive(pid)).toBe(true);
	return pid;
}
