import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Status } from '../../src/model/status.ts';
import {
	type MonitoredKuma,
	type MonitoredKumaOptions,
	startMonitoredKuma,
	stateDirectory,
} from '../kit/monitored-kuma.ts';
import { waitFor } from '../kit/wait-for.ts';

/** A Kuma that goes on without a replicator-kuma. */
async function leaveBehind(
	options: MonitoredKumaOptions = {},
): Promise<{ first: MonitoredKuma; pid: number }> {
	const first = await startMonitoredKuma(options);
	await first.untilMonitoring();
	const { kuma } = await first.untilStatus(
		'a cycle',
		(status) => status.lastCycle !== null && status.kuma.state === 'running',
	);
	await first.kill();
	return { first, pid: kuma.pid ?? 0 };
}

const RECORDS: readonly (readonly [what: string, damage: (path: string) => Promise<unknown>])[] = [
	['gone', (path) => rm(path)],
	['empty', (path) => writeFile(path, '')],
	['torn', (path) => writeFile(path, '{"pid":12')],
	['zeroed', (path) => writeFile(path, '\0'.repeat(200))],
	['of the future', (path) => writeFile(path, '{"format":9,"process":{"id":77}}')],
	[
		'a folder',
		async (path) => {
			await rm(path);
			await mkdir(path);
			await writeFile(join(path, 'of-somebody'), '');
		},
	],
];

test.each(RECORDS)(
	'a Kuma that was left behind is taken over though its record is %s',
	async (_what, damage) => {
		const { first, pid } = await leaveBehind();
		await damage(first.paths.kumaRecord);

		const next = await startMonitoredKuma({ after: first });
		const { kuma } = await next.untilRunning('its agent', (status) => status.kuma.agent.isConnected);

		expect(kuma).toMatchObject({ pid, restarts: 0 });
		expect(next.log()).toContain('Took over the Kuma');
		expect(await next.stop()).toBe(0);
		expect(await next.isMonitoring()).toBe(false);
	},
);

test('what was found by its agent is recorded again', async () => {
	const { first, pid } = await leaveBehind();
	await rm(first.paths.kumaRecord);
	const second = await startMonitoredKuma({ after: first });
	await second.untilRunning('its agent', ({ kuma }) => kuma.agent.isConnected);
	await waitFor(() => existsSync(first.paths.kumaRecord), { timeoutMs: 20_000, what: 'its record' });
	await second.kill();
	await rm(first.paths.agentSocket);

	const third = await startMonitoredKuma({ after: first });

	const { kuma } = await third.untilStatus('it runs', (status) => status.kuma.state === 'running');
	expect(kuma.pid).not.toBe(pid);
	expect(third.log()).toContain(`Ended a Kuma that an earlier run had left behind pid=${pid}`);
});

test.each([
	['the state is damaged', {}],
	['the configuration cannot be used', { REPLICATOR_RETENTION: 'all' }],
] as const)('it is taken over while %s, and stopped in order', async (what, environment) => {
	const { first, pid } = await leaveBehind();
	if (what === 'the state is damaged') await writeFile(first.paths.stateFile, '{"formatVersion":1');

	const next = await startMonitoredKuma({ after: first, environment });
	const status = await next.untilStatus(
		'it runs',
		({ kuma, replication }) => kuma.state === 'running' && replication.state === 'down',
	);

	expect(status.kuma).toMatchObject({ pid, restarts: 0 });
	expect(await next.stop()).toBe(0);
	expect(await next.isMonitoring()).toBe(false);
});

test('one without an agent and without a record holds the port, and is named', async () => {
	const { first, pid } = await leaveBehind({ words: [] });
	await writeFile(first.paths.kumaRecord, '');

	const next = await startMonitoredKuma({ after: first, words: [] });

	expect(await next.ended()).toBe(5);
	expect(next.log()).toContain(`is taken by process ${pid}`);
	expect(await next.isMonitoring()).toBe(true);
});

test('what an earlier run left half-written goes once; what is being written while replication is tried again stays', async () => {
	const { dataDirectory, paths } = await stateDirectory();
	// So that replication is tried again and again.
	await writeFile(paths.stateFile, '');
	const stuck = join(paths.root, 'tmp-stuck');
	await mkdir(stuck);
	await writeFile(join(paths.root, '.state.json.0123456789ab.tmp'), 'half');
	const kuma = await startMonitoredKuma({
		dataDirectory,
		failing: { paths: [stuck], errno: 'EIO', calls: 'write' },
	});
	await kuma.untilRunning('down', ({ replication }) => replication.state === 'down');

	await writeFile(join(paths.root, '.kuma.json.0123456789ab.tmp'), 'half');
	const retryAt = (status: Status) => status.replication.trouble?.retryAt;
	const before = retryAt(await kuma.untilRunning('down', ({ replication }) => replication.state === 'down'));
	kuma.wake();
	await kuma.untilStatus('another attempt', (status) => retryAt(status) !== before);

	const names = await readdir(paths.root);
	expect(names).toEqual(expect.arrayContaining(['.kuma.json.0123456789ab.tmp', 'tmp-stuck']));
	expect(names).not.toContain('.state.json.0123456789ab.tmp');
	expect(kuma.log().match(/has left behind stays.*tmp-stuck/g)).toHaveLength(1);
	expect(await kuma.stop()).toBe(0);
});
