import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/kit/temporary-directory.ts';
import { isLeftoverOfWrite, writeDurably } from './durable-file.ts';

test('a file is replaced whole and made private, whatever it was before', async () => {
	const directory = await temporaryDirectory('durable');
	const path = join(directory, 'state.json');
	await writeFile(path, 'old and much longer', { mode: 0o644 });

	await writeDurably(path, 'new');

	expect(await readFile(path, 'utf8')).toBe('new');
	expect((await stat(path)).mode & 0o777).toBe(0o600);
	expect(await readdir(directory)).toEqual(['state.json']);
});

test('the mode asked for is not cut by the umask', async () => {
	const path = join(await temporaryDirectory('durable'), 'logo.png');
	const before = process.umask(0o077);

	try {
		await writeDurably(path, new Uint8Array([1, 2]), 0o644);
	} finally {
		process.umask(before);
	}

	expect((await stat(path)).mode & 0o777).toBe(0o644);
});

test('a write that fails at the last step leaves no temporary file behind', async () => {
	const directory = await temporaryDirectory('durable');
	const path = join(directory, 'taken');
	await mkdir(path);
	await writeFile(join(path, 'inside'), '');

	await expect(writeDurably(path, 'new')).rejects.toMatchObject({
		code: 'file-access',
		message: expect.stringContaining(path),
	});

	expect(await readdir(directory)).toEqual(['taken']);
});

test('a folder that is missing is named with the path', async () => {
	const path = join(await temporaryDirectory('durable'), 'missing', 'state.json');

	await expect(writeDurably(path, 'new')).rejects.toMatchObject({
		code: 'file-access',
		message: expect.stringContaining(path),
	});
});

test('writes of one file at the same time leave one of them, whole', async () => {
	const directory = await temporaryDirectory('durable');
	const path = join(directory, 'state.json');
	const contents = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(100_000));

	await Promise.all(contents.map((content) => writeDurably(path, content)));

	expect(contents).toContain(await readFile(path, 'utf8'));
	expect(await readdir(directory)).toEqual(['state.json']);
});

test('only what a killed write leaves behind looks like it', () => {
	expect(isLeftoverOfWrite('.state.json.0123456789ab.tmp')).toBe(true);
	expect(['state.json', '.hidden', 'notes.tmp', '.state.json.tmp'].some(isLeftoverOfWrite)).toBe(false);
});
