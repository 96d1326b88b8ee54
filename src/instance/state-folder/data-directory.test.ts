import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/kit/temporary-directory.ts';
import { waitFor } from '../../../test/kit/wait-for.ts';
import { prepareStateDirectory, removeLeftovers } from './data-directory.ts';

test('our folder is private, and a data directory that is not there yet is created with it', async () => {
	const dataDirectory = join(await temporaryDirectory('data'), 'kuma', 'data');

	const paths = await prepareStateDirectory(`${dataDirectory}/`);

	expect(paths.root).toBe(join(dataDirectory, 'replicator-kuma'));
	expect((await stat(paths.root)).mode & 0o777).toBe(0o700);
	expect((await stat(dataDirectory)).mode & 0o777).not.toBe(0o700);
});

test('a folder that others could read is made private again, and what it holds stays', async () => {
	const paths = await prepareStateDirectory(await temporaryDirectory('data'));
	await writeFile(paths.stateFile, '{}');
	await chmod(paths.root, 0o755);

	await prepareStateDirectory(join(paths.root, '..'));

	expect((await stat(paths.root)).mode & 0o777).toBe(0o700);
	expect(await readdir(paths.root)).toEqual(['state.json']);
});

test('a file in the place of our folder is an error that names it', async () => {
	const dataDirectory = await temporaryDirectory('data');
	await writeFile(join(dataDirectory, 'replicator-kuma'), '');

	await expect(prepareStateDirectory(dataDirectory)).rejects.toMatchObject({
		code: 'file-access',
		message: expect.stringContaining(join(dataDirectory, 'replicator-kuma')),
	});
});

test('what a killed run left behind goes, and everything else stays', async () => {
	const paths = await prepareStateDirectory(await temporaryDirectory('data'));
	await mkdir(join(paths.root, 'tmp-fetch-x1', 'tables'), { recursive: true });
	await writeFile(join(paths.root, '.state.json.0123456789ab.tmp'), 'half');
	await mkdir(join(paths.appliedDirectory, 'tmp-inside'), { recursive: true });
	await writeFile(paths.stateFile, '{}');

	const { removed, failures } = await removeLeftovers(paths);

	expect(failures).toEqual([]);
	expect([...removed].sort()).toEqual(['.state.json.0123456789ab.tmp', 'tmp-fetch-x1']);
	expect((await readdir(paths.root)).sort()).toEqual(['applied', 'state.json']);
	expect(await readdir(paths.appliedDirectory)).toEqual(['tmp-inside']);
});

test('what is younger than a run stays, for that may be writing it', async () => {
	const paths = await prepareStateDirectory(await temporaryDirectory('data'));
	const old = join(paths.root, '.kuma.json.0123456789ab.tmp');
	const young = join(paths.root, '.kuma.json.ba9876543210.tmp');
	await writeFile(old, 'half');
	const writeYoung = async () => {
		await writeFile(young, 'half');
		return (await stat(young)).ctimeMs > (await stat(old)).ctimeMs;
	};
	await waitFor(writeYoung, { timeoutMs: 5_000, what: 'the clock of the files goes on' });

	const { removed } = await removeLeftovers(paths, (await stat(young)).ctimeMs);

	expect(removed).toEqual([basename(old)]);
	expect(await readdir(paths.root)).toEqual([basename(young)]);
});
