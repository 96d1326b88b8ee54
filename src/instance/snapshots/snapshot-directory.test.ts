import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/kit/temporary-directory.ts';
import type { SnapshotContent } from '../../model/snapshot.ts';
import { encodeContent, makeManifest } from '../../snapshot/encode.ts';
import { prepareStateDirectory } from '../state-folder/data-directory.ts';
import { openSnapshotDirectory } from './snapshot-directory.ts';

const CONTENT: SnapshotContent = {
	databaseKind: 'sqlite',
	timezone: 'UTC',
	tables: [
		{
			name: 'tag',
			columns: [{ name: 'id', declared: 'INTEGER', isNullable: false }],
			key: ['id'],
			rows: [[1]],
		},
	],
	files: [{ path: 'upload/logo1.png', content: new Uint8Array([137, 80, 78, 71]) }],
};

async function keepOne() {
	const paths = await prepareStateDirectory(await temporaryDirectory('data'));
	const store = openSnapshotDirectory(paths);
	const encoded = encodeContent(CONTENT);
	const { digest } = encoded;
	const manifest = makeManifest({
		encoded,
		parent: null,
		createdAt: '2026-11-24T10:00:00.000Z',
		origin: {
			productVersion: '1.0.0',
			kumaVersion: '2.5.3',
			databaseKind: 'sqlite',
			hostname: 'leader.example',
			instanceId: 'instance-1',
			timezone: 'UTC',
		},
	});
	const tree = new Map<string, string | Uint8Array>([
		...encoded.tree,
		['manifest.json', JSON.stringify(manifest)],
	]);
	const keep = () =>
		store.keep({
			digest,
			where: 'the repository',
			write: async (directory) => {
				for (const [path, content] of tree) {
					await mkdir(dirname(join(directory, path)), { recursive: true });
					await writeFile(join(directory, path), content);
				}
			},
		});
	await keep();
	return { store, digest, keep, directory: join(paths.appliedDirectory, digest) };
}

async function putFolder(path: string): Promise<void> {
	await rm(path);
	await mkdir(path);
	await writeFile(join(path, 'inside'), '');
}

const FILES = ['manifest.json', 'tables/tag.csv', 'files/upload/logo1.png'];
const DAMAGES: readonly (readonly [what: string, damage: (path: string) => Promise<unknown>])[] = [
	['empty', (path) => truncate(path)],
	['torn', (path) => truncate(path, 3)],
	['zeroed', (path) => writeFile(path, '\0'.repeat(100))],
	['of the future', (path) => writeFile(path, '{"formatVersion":99}')],
	['missing', (path) => rm(path)],
	['a folder', putFolder],
	[
		'a link to nowhere',
		async (path) => {
			await rm(path);
			await symlink('/nowhere/at/all', path);
		},
	],
	[
		'a link to itself',
		async (path) => {
			await rm(path);
			await symlink(path, path);
		},
	],
];

test.each(FILES.flatMap((file) => DAMAGES.map(([what, damage]) => [file, what, damage] as const)))(
	'a kept snapshot whose %s is %s counts as not kept, and can be kept again',
	async (file, _what, damage) => {
		const { store, digest, keep, directory } = await keepOne();
		await damage(join(directory, file));

		expect(await store.load(digest)).toBeNull();
		await keep();

		expect((await store.load(digest))?.content).toEqual(CONTENT);
	},
);

test('so does one in whose place there is a file', async () => {
	const { store, digest, keep, directory } = await keepOne();
	await rm(directory, { recursive: true });
	await writeFile(directory, '');

	expect(await store.load(digest)).toBeNull();
	await keep();

	expect((await store.load(digest))?.content).toEqual(CONTENT);
});
