import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/kit/temporary-directory.ts';
import type { Origin, SnapshotContent } from '../model/snapshot.ts';
import { digestOf } from './digest.ts';
import { encodeContent, makeManifest } from './encode.ts';
import { readTree } from './read-tree.ts';
import { writeTree } from './write-tree.ts';

const ORIGIN: Origin = {
	productVersion: '1.0.0',
	kumaVersion: '2.5.3',
	databaseKind: 'sqlite',
	hostname: 'leader',
	instanceId: 'an-instance',
	timezone: 'Europe/Berlin',
};

const CONTENT: SnapshotContent = {
	databaseKind: 'sqlite',
	timezone: 'Europe/Berlin',
	tables: [
		{
			name: 'tag',
			columns: [
				{ name: 'id', declared: 'INTEGER', isNullable: false },
				{ name: 'weight', declared: 'INTEGER', isNullable: true, defaultValue: 9007199254740993n },
			],
			key: ['id'],
			rows: [[1, 9007199254740993n]],
		},
	],
	files: [{ path: 'upload/logo1.png', content: new Uint8Array([137, 80, 78, 71]) }],
};

async function writtenTree(): Promise<string> {
	const directory = await temporaryDirectory();
	const encoded = encodeContent(CONTENT);
	const manifest = makeManifest({
		encoded,
		origin: ORIGIN,
		parent: null,
		createdAt: '2026-11-24T10:00:00.000Z',
	});
	await writeTree({ directory, encoded, manifest });
	return directory;
}

test('what was written is read back, with its manifest', async () => {
	const directory = await writtenTree();

	const snapshot = await readTree({ directory, where: 'x' });

	expect(snapshot.content).toEqual(CONTENT);
	expect(snapshot.manifest).toMatchObject({ ...ORIGIN, formatVersion: 1, parent: null });
});

test('only the owner can read a tree', async () => {
	const directory = await writtenTree();

	for (const path of ['manifest.json', 'tables/tag.csv', 'files/upload/logo1.png']) {
		expect((await stat(join(directory, path))).mode & 0o777, path).toBe(0o600);
	}
	expect((await stat(join(directory, 'tables'))).mode & 0o777).toBe(0o700);
});

/** A tree whose manifest names this as the leader's zone, sealed by its digest as any other; undefined: nothing. */
async function treeIn(timezone: unknown): Promise<string> {
	const directory = await writtenTree();
	const manifest = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'));
	const digest = digestOf({ ...encodeContent(CONTENT), timezone });
	await writeFile(join(directory, 'manifest.json'), JSON.stringify({ ...manifest, timezone, digest }));
	return directory;
}

test.each([undefined, null, '', 'Etc/Unknown', ':/etc/localtime', '"Europe/Berlin"', 'UTC+1', 7, ['UTC']])(
	'a leader that stands in %j is taken for one in UTC, as its own Kuma takes it',
	async (timezone) => {
		const directory = await treeIn(timezone);

		const { manifest, content } = await readTree({ directory, where: 'x' });

		expect(manifest.timezone).toBe('UTC');
		expect(content).toEqual({ ...CONTENT, timezone: 'UTC' });
	},
);

test('what stands for the zone is part of the digest, even where it is none', async () => {
	const directory = await treeIn('Etc/Unknown');
	const manifest = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'));
	await writeFile(join(directory, 'manifest.json'), JSON.stringify({ ...manifest, timezone: 'Etc/Other' }));

	await expect(readTree({ directory, where: 'x' })).rejects.toMatchObject({ code: 'snapshot-corrupt' });
});

describe('a tree is refused as a whole', () => {
	const refused = (directory: string, expectedDigest?: string) =>
		readTree({ directory, where: 'the tree', ...(expectedDigest === undefined ? {} : { expectedDigest }) });

	test('when a byte of a table changed', async () => {
		const directory = await writtenTree();
		await writeFile(join(directory, 'tables/tag.csv'), '"id","weight"\r\n"2","1"\r\n');

		await expect(refused(directory)).rejects.toMatchObject({ code: 'snapshot-corrupt' });
	});

	test('when a file is missing', async () => {
		const directory = await writtenTree();
		await rm(join(directory, 'files/upload/logo1.png'));

		await expect(refused(directory)).rejects.toMatchObject({ code: 'snapshot-corrupt' });
	});

	test('when it is not the snapshot that the repository promised', async () => {
		const directory = await writtenTree();

		await expect(refused(directory, 'f'.repeat(64))).rejects.toMatchObject({ code: 'snapshot-corrupt' });
	});

	test('when the manifest is cut off', async () => {
		const directory = await writtenTree();
		const text = await readFile(join(directory, 'manifest.json'), 'utf8');
		await writeFile(join(directory, 'manifest.json'), text.slice(0, text.length / 2));

		await expect(refused(directory)).rejects.toMatchObject({ code: 'snapshot-corrupt' });
	});

	test('when it has no manifest', async () => {
		await expect(refused(await temporaryDirectory())).rejects.toMatchObject({ code: 'snapshot-not-found' });
	});

	test('when it comes from a newer version', async () => {
		const directory = await writtenTree();
		const manifest = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'));
		await writeFile(join(directory, 'manifest.json'), JSON.stringify({ ...manifest, formatVersion: 2 }));

		await expect(refused(directory)).rejects.toMatchObject({ code: 'snapshot-format-unknown' });
	});

	test.each(['upload/../../kuma.db', '../kuma.db', 'upload//x', '/etc/passwd', 'db-config.json'])(
		'when a file would land at %s',
		async (path) => {
			const directory = await writtenTree();
			const manifest = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'));
			manifest.files[0].path = path;
			await mkdir(join(directory, 'files'), { recursive: true });
			await writeFile(join(directory, 'manifest.json'), JSON.stringify(manifest));

			await expect(refused(directory)).rejects.toMatchObject({ code: 'snapshot-corrupt' });
		},
	);
});
