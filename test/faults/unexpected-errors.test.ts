import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { freePort } from '../kit/free-port.ts';
import { startMonitoredKuma } from '../kit/monitored-kuma.ts';
import { startNtfyServer } from '../kit/ntfy-server.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { waitFor } from '../kit/wait-for.ts';

const SOON = { timeoutMs: 20_000 } as const;

test('what nobody catches ends nothing: it is counted, logged a few times, and notified once', async () => {
	const ntfy = await startNtfyServer();
	const port = await freePort();
	const asked = join(await temporaryDirectory('stray'), 'count');
	const kuma = await startMonitoredKuma({
		preloads: ['stray-errors.cjs'],
		environment: {
			STRAY_ERRORS: asked,
			NTFY_URL: `${ntfy.url}/fleet`,
			REPLICATOR_LISTEN: String(port),
		},
	});
	await kuma.untilRunning('a cycle', ({ lastCycle }) => lastCycle !== null);

	await writeFile(asked, '1000');
	const status = await kuma.untilStatus(
		'all of them',
		({ unexpectedErrors }) => unexpectedErrors.count === 1000,
	);
	await writeFile(asked, '10');
	await kuma.untilStatus('some more', ({ unexpectedErrors }) => unexpectedErrors.count === 1010);

	expect(status).toMatchObject({
		kuma: { state: 'running', restarts: 0 },
		replication: { state: 'working' },
		unexpectedErrors: { last: { message: 'SyntaxError', at: expect.any(String) } },
	});
	const lines = kuma.log().match(/ERROR: A failure that nothing has expected.*/g) ?? [];
	expect(lines).toHaveLength(5);
	expect(lines[0]).toMatch(/too many open files.*stack="Error: too many open files\\n/);
	const notices = () => ntfy.messages.filter(({ message }) => message?.includes('nothing has expected'));
	await waitFor(() => notices().length > 0, { ...SOON, what: 'a notice' });
	const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
	expect(metrics).toContain('\nreplicator_kuma_unexpected_errors_total 1010\n');
	expect(notices()).toHaveLength(1);
	expect(await kuma.stop()).toBe(0);
});

test.each(['EMFILE', 'EIO', 'ENFILE'])(
	'a /proc that says %s neither keeps Kuma from running nor from stopping',
	async (errno) => {
		const kuma = await startMonitoredKuma({ failing: { paths: ['/proc'], errno } });
		await kuma.untilMonitoring();

		const { kuma: shown } = await kuma.untilStatus('it runs', (status) => status.kuma.state === 'running');
		process.kill(shown.pid ?? 0, 'SIGKILL');
		const again = await kuma.untilStatus(
			'it runs again',
			(status) => status.kuma.state === 'running' && status.kuma.pid !== shown.pid,
		);

		expect(again).toMatchObject({ kuma: { restarts: 1 }, unexpectedErrors: { count: 0 } });
		expect(await kuma.stop()).toBe(0);
		expect(await kuma.isMonitoring()).toBe(false);
	},
);

test('a Kuma that was taken over and whose /proc fails for a while counts as running', async () => {
	const first = await startMonitoredKuma();
	const { kuma: left } = await first.untilStatus('it runs', ({ kuma }) => kuma.state === 'running');
	await first.kill();
	const until = join(await temporaryDirectory('proc'), 'broken');

	const next = await startMonitoredKuma({
		after: first,
		failing: { paths: ['/proc'], errno: 'EMFILE', until },
	});
	await next.untilStatus('it runs', ({ kuma }) => kuma.pid === left.pid && kuma.state === 'running');
	await writeFile(until, '');
	next.wake();
	await waitFor(() => /Asked for a cycle/.test(next.log()), { ...SOON, what: 'the signal' });

	const { kuma, unexpectedErrors } = await next.untilStatus('a status', () => true);
	expect(kuma).toMatchObject({ pid: left.pid, state: 'running', restarts: 0 });
	expect(unexpectedErrors.count).toBe(0);
	expect(await next.stop()).toBe(0);
	expect(await next.isMonitoring()).toBe(false);
});

test('without a file to open left nothing ends, and a Kuma that crashes then is started once there is one', async () => {
	const kuma = await startMonitoredKuma();
	const { kuma: shown } = await kuma.untilStatus(
		'a cycle',
		({ lastCycle, kuma: { state } }) => lastCycle !== null && state === 'running',
	);
	const limit = (count: number) => execa('prlimit', ['--pid', String(kuma.pid), `--nofile=${count}:4096`]);

	await limit(3);
	process.kill(shown.pid ?? 0, 'SIGKILL');
	await waitFor(() => /Kuma could not be started.*EMFILE/.test(kuma.log()), { ...SOON, what: 'EMFILE' });
	await limit(1024);

	const again = await kuma.untilStatus('it runs again', ({ kuma: { state } }) => state === 'running');
	expect(again.kuma.pid).not.toBe(shown.pid);
	expect(await kuma.stop()).toBe(0);
});

test('a log that nobody takes any more is no reason to end', async () => {
	const kuma = await startMonitoredKuma({ environment: { REPLICATOR_LOG_LEVEL: 'debug' } });
	await kuma.untilRunning('a cycle', ({ lastCycle }) => lastCycle !== null);

	kuma.closeOutput();
	for (let index = 0; index < 5; index += 1) {
		kuma.wake();
		await kuma.untilStatus('a status', () => true);
	}

	expect(await kuma.isMonitoring()).toBe(true);
	expect(await kuma.stop()).toBe(0);
});
