import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../kit/free-port.ts';
import { startHttpRecorder } from '../kit/http-recorder.ts';
import { startHttpTarget } from '../kit/http-target.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { kumaMemory, kumaMemoryEnvironment } from '../kit/kuma-memory.ts';
import { openMonitorRows } from '../kit/monitor-rows.ts';
import { prepareReplicator } from '../kit/replicator.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { waitFor } from '../kit/wait-for.ts';

const SOON_MS = 90_000;
const TOKEN = 'a-token-of-at-least-16-characters';

test('a Kuma in which every beat throws is told everywhere, with its last error, until it beats again', async () => {
	const [target, recorder, repository, place, port] = await Promise.all([
		startHttpTarget(),
		startHttpRecorder(),
		temporaryDirectory('repository'),
		temporaryDirectory('memory'),
		freePort(),
	]);
	onTestFinished(async () => {
		await Promise.all([target.stop(), recorder.stop()]);
	});
	const leader = await prepareReplicator({
		mode: 'BACKUP',
		repository: `${repository}/kuma`,
		database: 'sqlite',
		environment: {
			...kumaMemoryEnvironment(place),
			NTFY_URL: `${recorder.url}/topic`,
			REPLICATOR_HEARTBEAT_URL: `${recorder.url}/heartbeat`,
			REPLICATOR_LISTEN: `127.0.0.1:${port}`,
			REPLICATOR_TOKEN: TOKEN,
		},
	});
	onTestFinished(() => leader.discard());
	const memory = kumaMemory(place);
	const ask = async (path: string) => {
		const response = await fetch(`http://127.0.0.1:${port}${path}`, {
			headers: { authorization: `Bearer ${TOKEN}` },
		});
		return { status: response.status, body: await response.text() };
	};
	const metric = async () =>
		/^replicator_kuma_kuma_beats_missing .*$/m.exec((await ask('/metrics')).body)?.[0];
	const notices = () => recorder.to(`${recorder.url}/topic`).filter(({ body }) => /beat/.test(body));

	await leader.start();
	const page = await KumaClient.connect(leader.url);
	await page.setup('admin', 'secret-12345');
	const ids = [];
	for (const name of ['One', 'Two']) ids.push(await page.addMonitor({ name, url: target.url, interval: 20 }));
	await page.addMonitor({ name: 'Push', type: 'push', interval: 20, pushToken: 'a'.repeat(32) });
	page.close();
	// A form of Kuma refuses such short intervals.
	const rows = await openMonitorRows(leader.dataDirectory);
	await rows.update(ids.map((id) => ({ id, interval: 1, retry_interval: 1, timeout: 1 })));
	await rows.close();
	await leader.stop();
	await leader.start();
	const { kuma } = await leader.waitForStatus('beats', ({ kuma: { beats } }) => beats.state === 'beating');
	expect(kuma.beats).toMatchObject({ monitors: 2, lastError: null });
	expect((await ask('/healthz')).status).toBe(200);
	expect(await metric()).toBe('replicator_kuma_kuma_beats_missing 0');

	await memory.fail('beat', 1_000_000);
	const silent = await leader.waitForStatus('silence', ({ kuma: { beats } }) => beats.state === 'missing');

	expect(silent.kuma.beats).toMatchObject({
		monitors: 2,
		lastError: 'RangeError: Invalid time zone specified: Etc/Unknown',
	});
	expect(await ask('/healthz')).toMatchObject({
		status: 503,
		body: expect.stringContaining('No monitor of Uptime Kuma has beaten since'),
	});
	expect(await metric()).toBe('replicator_kuma_kuma_beats_missing 1');
	expect((await leader.run('status')).exitCode).toBe(1);
	expect((await leader.run('doctor')).stdout).toContain('Uptime Kuma watches nothing.');
	await waitFor(() => notices().length > 0, { timeoutMs: SOON_MS, what: 'a notice' });
	await waitFor(() => recorder.to(`${recorder.url}/heartbeat/fail`).length > 0, {
		timeoutMs: SOON_MS,
		what: 'a bad heartbeat',
	});

	await memory.fail('beat', 0);
	await leader.waitForStatus('beats again', ({ kuma: { beats } }) => beats.state === 'beating');

	await waitFor(() => notices().length > 1, { timeoutMs: SOON_MS, what: 'another notice' });
	expect(notices().map(({ body }) => body)).toEqual([
		expect.stringContaining("Kuma's last error: RangeError: Invalid time zone specified: Etc/Unknown."),
		expect.stringContaining('Uptime Kuma beats again.'),
	]);
	expect((await ask('/healthz')).status).toBe(200);
	expect((await leader.run('status')).exitCode).toBe(0);
});
