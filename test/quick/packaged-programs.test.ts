import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const PROJECT = join(import.meta.dirname, '../..');
const OPTIONS = ['--no-opt', '--semi-space-growth-factor=1'];

/** A folder of programs in which `node` prints its words, one a line. */
async function tellingNode(): Promise<string> {
	const folder = await temporaryDirectory('programs');
	for (const name of ['node', 'replicator-kuma']) {
		await writeFile(join(folder, name), '#!/bin/sh\nprintf "%s\\n" "$@"\n');
		await chmod(join(folder, name), 0o755);
	}
	return folder;
}

async function wordsOf(folder: string, command: readonly string[]): Promise<string[]> {
	const { stdout } = await execa('/bin/sh', command, {
		env: { PATH: `${folder}:${process.env.PATH}` },
		extendEnv: false,
	});
	return stdout.split('\n');
}

const BUNDLE = '/usr/local/lib/replicator-kuma/dist/replicator-kuma.js';

test.each([
	{ words: ['run'], given: [...OPTIONS, BUNDLE, 'run'] },
	{ words: ['run', '--', 'node', 'a b.js'], given: [...OPTIONS, BUNDLE, 'run', '--', 'node', 'a b.js'] },
	{ words: ['status', '--json'], given: [BUNDLE, 'status', '--json'] },
	{ words: [], given: [BUNDLE] },
])('in the image, replicator-kuma $words is Node with what keeps it small', async ({ words, given }) => {
	const folder = await tellingNode();

	expect(await wordsOf(folder, [join(PROJECT, 'docker/replicator-kuma'), ...words])).toEqual(given);
});

test('the systemd unit starts the program that npm has installed, with the same options', async () => {
	const folder = await tellingNode();
	const unit = await readFile(join(PROJECT, 'packaging/systemd/replicator-kuma@.service'), 'utf8');
	const [, script = ''] = /^ExecStart=\/bin\/sh -c '([^']*)'$/m.exec(unit) ?? [];

	// systemd reads two dollars as one.
	const given = await wordsOf(folder, ['-c', script.replaceAll('$$', '$')]);

	expect(given).toEqual([
		...OPTIONS,
		join(folder, 'replicator-kuma'),
		'run',
		...['--', 'node', 'server/server.js'],
	]);
});

test('Node knows the options, and says the same with them', async () => {
	const { stdout } = await execa(process.execPath, [...OPTIONS, '--eval', 'console.log(6 * 7)']);

	expect(stdout).toBe('42');
});
