import { chmod, chown, lstat, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { temporaryDirectory } from '../../../test/kit/temporary-directory.ts';
import { isStandInThere, prepareStandIn, standInPaths } from './stand-in-directory.ts';

let dataDirectory: string;
beforeEach(async () => {
	vi.stubEnv('TMPDIR', await temporaryDirectory('tmp'));
	dataDirectory = await temporaryDirectory('data');
});
afterEach(() => {
	vi.unstubAllEnvs();
});

test('it is private, and found again by whoever has the same data directory under any path', async () => {
	const paths = await standInPaths(dataDirectory);

	await prepareStandIn(paths);
	await prepareStandIn(paths);
	const moved = `${dataDirectory}-moved`;
	await rename(dataDirectory, moved);

	expect((await lstat(paths.root)).mode & 0o777).toBe(0o700);
	expect(await standInPaths(moved)).toEqual(paths);
	expect(await isStandInThere(paths)).toBe(true);
	await mkdir(dataDirectory);
	expect(await standInPaths(dataDirectory)).not.toEqual(paths);
	await rm(moved, { recursive: true });
});

test('a data directory that is not there has one, too', async () => {
	const missing = join(dataDirectory, 'missing');

	expect(await standInPaths(missing)).toEqual(await standInPaths(missing));
});

const STRANGER = 65_534;

test.each<readonly [what: string, make: (root: string) => Promise<unknown>]>([
	[
		'that others can write to',
		async (root: string) => {
			await mkdir(root);
			await chmod(root, 0o777);
		},
	],
	['that is a link', (root: string) => symlink('/etc', root)],
	...(process.geteuid?.() === 0
		? [
				[
					'of somebody else',
					async (root: string) => {
						await mkdir(root, { mode: 0o700 });
						await chown(root, STRANGER, STRANGER);
					},
				] as const,
			]
		: []),
])('one %s is not used', async (_what, make) => {
	const paths = await standInPaths(dataDirectory);
	await make(paths.root);

	await expect(prepareStandIn(paths)).rejects.toMatchObject({
		code: 'file-access',
		message: expect.stringContaining(paths.root),
	});
	expect(await isStandInThere(paths)).toBe(false);
});
