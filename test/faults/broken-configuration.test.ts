import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freshState, saveState } from '../../src/instance/state-folder/state-file.ts';
import { freePort } from '../kit/free-port.ts';
import { startMonitoredKuma, stateDirectory } from '../kit/monitored-kuma.ts';
import { startNtfyServer } from '../kit/ntfy-server.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { waitFor } from '../kit/wait-for.ts';

const TOKEN = 'a-long-secret-of-the-fleet';

async function hasRunBefore(): Promise<string> {
	const { dataDirectory, paths } = await stateDirectory();
	await saveState(paths.stateFile, freshState('the-instance-of-before'));
	return dataDirectory;
}

const BROKEN: readonly (readonly [variable: string, value: string])[] = [
	['REPLICATOR_MODE', 'LEAD'],
	['REPLICATOR_INTERVAL', 'often'],
	['REPLICATOR_FLEET', 'a b'],
	['REPLICATOR_HOSTNAME', 'two\nlines'],
	['REPLICATOR_PUSH_MONITORS', 'maybe'],
	['REPLICATOR_START_TIMEOUT', '0'],
	['REPLICATOR_NOTIFICATION_PREFIX', 'two\nlines'],
	['REPLICATOR_GUARD_MONITORS', 'half'],
	['REPLICATOR_RETENTION', 'last=all'],
	['REPLICATOR_NUDGE', 'perhaps'],
	['REPLICATOR_NUDGE_URL', 'nowhere'],
	['REPLICATOR_HEARTBEAT_URL', 'nowhere'],
	['REPLICATOR_LISTEN', 'everywhere'],
	['REPLICATOR_TOKEN', 'short'],
	['REPLICATOR_LEADER_URL', 'nowhere'],
	['REPLICATOR_LOG_LEVEL', 'loud'],
	['REPLICATOR_LOG_FORMAT', 'xml'],
	['RESTIC_REPOSITORY', ''],
	['RESTIC_PASSWORD', ''],
	['RESTIC_PASSWORD_COMMAND', 'pass show kuma'],
];

test.each(BROKEN.filter((_, index) => index % 4 === 0))(
	'%s=%j is refused at a first start, which leaves nothing behind',
	async (variable, value) => {
		const dataDirectory = await temporaryDirectory('data');

		const kuma = await startMonitoredKuma({ dataDirectory, environment: { [variable]: value } });

		expect(await kuma.ended()).toBe(2);
		expect(kuma.log()).toContain(variable);
		expect(await readdir(dataDirectory)).toEqual([]);
	},
);

test.each(BROKEN)(
	'with %s=%j an instance that has run before starts Kuma and says so',
	async (variable, value) => {
		const ntfy = await startNtfyServer();

		const kuma = await startMonitoredKuma({
			dataDirectory: await hasRunBefore(),
			environment: { NTFY_URL: `${ntfy.url}/fleet`, [variable]: value },
		});
		await kuma.untilMonitoring();
		const status = await kuma.untilRunning('down', ({ replication }) => replication.state === 'down');

		expect(status.replication.trouble).toMatchObject({
			code: 'configuration-invalid',
			message: expect.stringContaining(variable),
			hint: expect.stringContaining('start again'),
			retryAt: null,
		});
		expect(status.troubles).toEqual([]);
		await waitFor(() => ntfy.messages.some(({ message }) => message?.includes(variable)), {
			timeoutMs: 20_000,
			what: 'a notice',
		});
		const doctor = await kuma.command('doctor');
		expect([doctor.exitCode, doctor.stdout]).toEqual([
			2,
			expect.stringContaining(`configuration: ${variable}`),
		]);
		expect(doctor.stdout).toContain('Kuma is running, but this is down: replication.');
		expect(await kuma.stop()).toBe(0);
	},
);

test('a secret that is cut short while it is rotated is read again until it is whole', async () => {
	const path = join(await temporaryDirectory('secrets'), 'secret');
	await writeFile(path, TOKEN.slice(0, 5));

	const kuma = await startMonitoredKuma({
		dataDirectory: await hasRunBefore(),
		environment: { REPLICATOR_TOKEN: '', REPLICATOR_TOKEN_FILE: path },
	});
	const down = await kuma.untilRunning('down', ({ replication }) => replication.state === 'down');
	await writeFile(path, TOKEN);
	const back = await kuma.untilRunning('a cycle', ({ lastCycle }) => lastCycle !== null);

	expect(down.replication.trouble).toMatchObject({
		message: expect.stringContaining('REPLICATOR_TOKEN_FILE'),
		retryAt: expect.any(String),
	});
	expect(back.kuma).toMatchObject({ pid: down.kuma.pid, restarts: 0 });
	expect(await kuma.stop()).toBe(0);
});

describe('a file that a variable names and that comes back', () => {
	const SECRETS: readonly (readonly [variable: string, without: string, text: string])[] = [
		['RESTIC_REPOSITORY_FILE', 'RESTIC_REPOSITORY', '/nowhere/repository'],
		['RESTIC_PASSWORD_FILE', 'RESTIC_PASSWORD', 'sesame-open-up'],
		['REPLICATOR_TOKEN_FILE', 'REPLICATOR_TOKEN', TOKEN],
		['NTFY_TOKEN_FILE', 'NTFY_TOKEN', 'tk_1234567890'],
		['AWS_SECRET_ACCESS_KEY_FILE', 'AWS_SECRET_ACCESS_KEY', 'very-secret-1234'],
	];

	test.each(SECRETS)('%s', async (variable, without, text) => {
		const path = join(await temporaryDirectory('secrets'), 'secret');
		const port = await freePort();

		const kuma = await startMonitoredKuma({
			dataDirectory: await hasRunBefore(),
			environment: {
				[without]: '',
				[variable]: path,
				...(variable === 'REPLICATOR_TOKEN_FILE' ? { REPLICATOR_LISTEN: `0.0.0.0:${port}` } : {}),
			},
		});
		await kuma.untilMonitoring();
		const down = await kuma.untilRunning('down', ({ replication }) => replication.state === 'down');
		await writeFile(path, `${text}\n`, { mode: 0o600 });
		const back = await kuma.untilStatus(
			'a cycle',
			({ lastCycle, troubles }) => lastCycle !== null && troubles.length === 0,
		);

		expect(down.replication.trouble).toMatchObject({
			code: 'configuration-invalid',
			message: expect.stringContaining(variable),
			retryAt: expect.any(String),
		});
		expect(back.kuma).toMatchObject({ pid: down.kuma.pid, restarts: 0 });
		if (variable === 'REPLICATOR_TOKEN_FILE') {
			const answer = await fetch(`http://127.0.0.1:${port}/api/status`, {
				headers: { authorization: `Bearer ${TOKEN}` },
			});
			expect(answer.status).toBe(200);
		}
		if (variable !== 'RESTIC_REPOSITORY_FILE') expect(kuma.log()).not.toContain(text);
		expect(await kuma.stop()).toBe(0);
	});

	test.each([
		['an empty file', (path: string) => writeFile(path, '')],
		['a folder', (path: string) => mkdir(path)],
	])('and is %s so far', async (_what, damage) => {
		const path = join(await temporaryDirectory('secrets'), 'secret');
		await damage(path);

		const kuma = await startMonitoredKuma({
			dataDirectory: await hasRunBefore(),
			environment: { RESTIC_PASSWORD: '', RESTIC_PASSWORD_FILE: path },
		});
		await kuma.untilMonitoring();

		await kuma.untilRunning('down', ({ replication }) => replication.state === 'down');
	});
});

describe('HTTP', () => {
	test('whose port is taken is down alone, and answers once the port is free', async () => {
		const stranger = createServer().listen(0, '127.0.0.1');
		await once(stranger, 'listening');
		onTestFinished(() => void stranger.close());
		const { port } = stranger.address() as { port: number };
		const url = `http://127.0.0.1:${port}/healthz`;
		const ntfy = await startNtfyServer();

		const kuma = await startMonitoredKuma({
			environment: { REPLICATOR_LISTEN: String(port), NTFY_URL: `${ntfy.url}/fleet` },
		});
		await kuma.untilMonitoring();
		const status = await kuma.untilRunning('a cycle', ({ lastCycle }) => lastCycle !== null);
		expect(status).toMatchObject({
			replication: { state: 'working' },
			troubles: [
				{
					part: 'http',
					message: expect.stringContaining('EADDRINUSE'),
					hint: expect.stringContaining('REPLICATOR_LISTEN'),
					retryAt: expect.any(String),
				},
			],
		});
		await waitFor(() => ntfy.messages.some(({ message }) => message?.includes('EADDRINUSE')), {
			timeoutMs: 20_000,
			what: 'a notice',
		});

		stranger.close();
		kuma.wake();
		await kuma.untilStatus('HTTP', ({ troubles }) => troubles.length === 0);
		expect(await (await fetch(url)).text()).toBe('healthy\n');
		await waitFor(() => ntfy.messages.some(({ title }) => title === 'It works again'), {
			timeoutMs: 20_000,
			what: 'the end of it',
		});
		expect(await kuma.stop()).toBe(0);
	});

	test('says that replication is down, why in one word, and since when', async () => {
		const port = await freePort();
		const { dataDirectory, paths } = await stateDirectory();
		await writeFile(paths.stateFile, '');

		const kuma = await startMonitoredKuma({
			dataDirectory,
			environment: { REPLICATOR_LISTEN: String(port) },
		});
		await kuma.untilRunning('down', ({ replication }) => replication.state === 'down');
		const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
		const health = await ask('/healthz');
		const status = (await (await ask('/api/status')).json()) as { replication: { state: string } };

		expect([health.status, await health.text()]).toEqual([
			503,
			expect.stringMatching(/^Replication is down since \S+ \(state-corrupt\)\.\n$/),
		]);
		expect(status.replication.state).toBe('down');
		expect(await (await ask('/metrics')).text()).toContain('\nreplicator_kuma_replication_up 0\n');
	});
});
