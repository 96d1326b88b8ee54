import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { machineEnvironment } from '../../scripts/machine-node.mjs';
import { writeDurably } from '../../src/files/durable-file.ts';
import { readInstallation } from '../../src/kuma/installation.ts';
import { KumaSupervisor, type KumaSupervisorOptions } from '../../src/kuma/kuma-supervisor.ts';
import { listProcesses, readProcess } from '../../src/kuma/processes/process-table.ts';
import { firstLine } from '../kit/first-line.ts';
import { freePort } from '../kit/free-port.ts';
import { type KumaInstallation, kumaInstallation } from '../kit/kuma-installation.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const HOLDER = join(import.meta.dirname, '..', 'programs', 'kuma-holder.mjs');

let installation: KumaInstallation;
beforeAll(async () => {
	installation = await kumaInstallation();
});

const supervisors: KumaSupervisor[] = [];
afterEach(async () => {
	for (const supervisor of supervisors.splice(0)) await supervisor.stop();
});

async function prepareKuma(): Promise<{
	options: KumaSupervisorOptions['kuma'] & { command: readonly string[] };
	url: string;
}> {
	const root = await temporaryDirectory('real-kuma');
	const dataDirectory = join(root, 'data');
	await mkdir(dataDirectory);
	const port = await freePort();
	const output = await open(join(root, 'kuma.log'), 'a');
	onTestFinished(() => output.close());
	return {
		url: `http://127.0.0.1:${port}/`,
		options: {
			command: [installation.node, 'server/server.js'],
			cwd: installation.directory,
			env: {
				...machineEnvironment(installation.node),
				DATA_DIR: `${dataDirectory}/`,
				UPTIME_KUMA_DB_TYPE: 'sqlite',
				UPTIME_KUMA_HOST: '127.0.0.1',
				UPTIME_KUMA_PORT: String(port),
			},
			recordPath: join(root, 'kuma.json'),
			writeDurably,
			output: output.fd,
		},
	};
}

function supervise(options: KumaSupervisorOptions['kuma']): KumaSupervisor {
	const supervisor = new KumaSupervisor({ kuma: options });
	supervisors.push(supervisor);
	return supervisor;
}

test('a real Kuma starts, answers, restarts, and stops within ten seconds without a trace', async () => {
	const { options, url } = await prepareKuma();
	const supervisor = supervise(options);

	await supervisor.start();
	const firstPid = supervisor.pid;
	expect((await fetch(url)).status).toBeLessThan(500);

	const report = await supervisor.restart('the configuration changed');
	expect(report).toMatchObject({ outcome: 'restarted' });
	expect(supervisor.pid).not.toBe(firstPid);
	expect((await fetch(url)).status).toBeLessThan(500);

	const groupId = supervisor.pid;
	const stoppedAtMs = performance.now();
	await supervisor.stop();

	expect(performance.now() - stoppedAtMs).toBeLessThan(10_000);
	expect((await listProcesses())?.filter((entry) => entry.groupId === groupId)).toEqual([]);
	await expect(fetch(url)).rejects.toThrow();
});

test('a real Kuma survives the kill of its supervisor, and the next run ends it before it starts another', async () => {
	const { options, url } = await prepareKuma();
	const holder = spawn(process.execPath, [HOLDER, options.recordPath, options.cwd, ...options.command], {
		env: options.env,
		stdio: ['ignore', 'pipe', 'ignore'],
	});
	const { pid } = JSON.parse(await firstLine(holder)) as { pid: number };
	holder.kill('SIGKILL');
	await once(holder, 'exit');
	expect((await fetch(url)).status).toBeLessThan(500);
	const ended: number[] = [];
	const supervisor = new KumaSupervisor({ kuma: options, onLeftBehindEnded: (left) => ended.push(left) });
	supervisors.push(supervisor);

	await supervisor.start();

	expect(ended).toEqual([pid]);
	expect(await readProcess(pid)).toBeNull();
	expect(supervisor.pid).not.toBe(pid);
	expect((await fetch(url)).status).toBeLessThan(500);
});

test('the installation tells its version and every type that a monitor of Kuma 2 can have', async () => {
	const { version, monitorTypes } = await readInstallation(installation.directory);

	expect(version).toMatch(/^2\./);
	for (const type of ['http', 'group', 'real-browser', 'mqtt', 'tailscale-ping', 'kafka-producer']) {
		expect(monitorTypes).toContain(type);
	}
});
