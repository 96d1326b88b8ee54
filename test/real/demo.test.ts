import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readProcess } from '../../src/kuma/processes/process-table.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { waitFor } from '../kit/wait-for.ts';

const DEMO = join(import.meta.dirname, '..', '..', 'scripts', 'demo', 'main.ts');

test('the demo shows an edit arriving on both replicas, and Ctrl-C leaves nothing of it behind', async () => {
	const temporary = await temporaryDirectory('demo');
	const demo = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', DEMO], {
		env: { ...process.env, TMPDIR: temporary },
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	onTestFinished(() => void demo.kill('SIGTERM'));
	let output = '';
	for (const stream of [demo.stdout, demo.stderr])
		stream.setEncoding('utf8').on('data', (text: string) => {
			output += text;
		});
	const exit = once(demo, 'exit');

	await waitFor(() => output.includes('Ctrl-C ends the demo') || demo.exitCode !== null, {
		timeoutMs: 180_000,
		what: 'the edit on both replicas',
	});
	expect(output).toMatch(/arrived on replica 1 after \d+\.\d s/);
	expect(output).toMatch(/arrived on replica 2 after \d+\.\d s/);
	const pids = await startedProcesses(temporary);
	expect(pids).toHaveLength(6);
	demo.kill('SIGINT');

	expect(await exit).toEqual([0, null]);
	expect(await Promise.all(pids.map((pid) => readProcess(pid)))).toEqual(pids.map(() => null));
	expect(await readdir(temporary)).toEqual([]);
});

/** @returns the process ids of every replicator-kuma of the demo and of its Kuma. */
async function startedProcesses(temporary: string): Promise<number[]> {
	const [root = ''] = await readdir(temporary);
	const pids: number[] = [];
	for (const member of ['leader', 'replica-1', 'replica-2']) {
		const state = join(temporary, root, member, 'replicator-kuma');
		const record = JSON.parse(await readFile(join(state, 'kuma.json'), 'utf8')) as { pid: number };
		pids.push(record.pid, Number(await readFile(join(state, 'lock.pid'), 'utf8')));
	}
	return pids;
}
