import { createCipheriv, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/kit/temporary-directory.ts';
import type { LineagePlace } from '../../model/lineage.ts';
import type { SnapshotContent } from '../../model/snapshot.ts';
import { encodeContent, makeManifest } from '../encode.ts';
import { readTree } from '../read-tree.ts';
import { packArchive, unpackArchive } from './archive.ts';
import { openSealed, sealSnapshot } from './seal.ts';
import { deriveSealingKey, type SealingKey } from './sealing-key.ts';

const CONTENT: SnapshotContent = {
	databaseKind: 'sqlite',
	timezone: 'UTC',
	tables: [
		{
			name: 'tag',
			columns: [
				{ name: 'id', declared: 'INTEGER', isNullable: false },
				{ name: 'name', declared: 'TEXT', isNullable: true },
			],
			key: ['id'],
			rows: [[1, 'a name 💚'.repeat(100)]],
		},
	],
	files: [{ path: 'upload/a folder/logo1.png', content: new Uint8Array([137, 80, 78, 71]) }],
};
const ENCODED = encodeContent(CONTENT);
const { digest } = ENCODED;
const PLACE: LineagePlace = {
	hostname: 'leader.example',
	generation: 7,
	digest,
	parentId: 'ab'.repeat(32),
	instanceId: 'instance-1',
	allowsDeletes: true,
};
const MANIFEST = makeManifest({
	encoded: ENCODED,
	origin: {
		productVersion: '1.0.0',
		kumaVersion: null,
		databaseKind: 'sqlite',
		hostname: 'leader.example',
		instanceId: 'instance-1',
		timezone: 'UTC',
	},
	parent: null,
	createdAt: '2026-11-24T10:00:00.000Z',
});
const REPOSITORY_ID = '01'.repeat(32);
const HEADER_BYTES = 20;

let key: SealingKey;
beforeAll(async () => {
	key = await deriveSealingKey({ password: 'sesame', repositoryId: REPOSITORY_ID });
});

async function seal(options: { fleet?: string; place?: LineagePlace } = {}): Promise<Buffer> {
	const { fleet = 'default', place = PLACE } = options;
	const sealed = await sealSnapshot({ place, manifest: MANIFEST, tree: ENCODED.tree, fleet, key });
	return sealed ?? expect.fail('too large');
}

async function open(
	sealed: Buffer,
	options: { digest?: string; fleet?: string; key?: SealingKey; directory?: string } = {},
) {
	const directory = options.directory ?? (await temporaryDirectory('opened'));
	return openSealed({ sealed, digest, fleet: 'default', key, ...options, directory });
}

/** Seals any bytes as somebody who has the key could. */
function sealBytes(content: Buffer): Buffer {
	const header = Buffer.from('RKSEAL\x00\x01', 'latin1');
	const nonce = randomBytes(12);
	const cipher = createCipheriv('aes-256-gcm', key, nonce);
	cipher.setAAD(Buffer.concat([header, Buffer.from(`default\n${digest}`)]));
	return Buffer.concat([header, nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

function sealFiles(files: readonly (readonly [string, string])[]): Buffer {
	const archive = packArchive(files.map(([path, text]) => [path, Buffer.from(text)] as const));
	return sealBytes(gzipSync(archive));
}

const PLACE_ENTRY = ['place.json', JSON.stringify(PLACE)] as const;

test('what was sealed is opened as the tree that it was, private, with its place in the lineage', async () => {
	const directory = await temporaryDirectory('opened');

	const place = await open(await seal(), { directory });

	expect(place).toEqual(PLACE);
	const snapshot = await readTree({ directory, where: 'x', expectedDigest: digest });
	expect(snapshot).toEqual({ manifest: MANIFEST, content: CONTENT });
	expect((await readdir(directory)).sort()).toEqual(['files', 'manifest.json', 'tables']);
	expect((await stat(join(directory, 'manifest.json'))).mode & 0o777).toBe(0o600);
	expect((await stat(join(directory, 'tables'))).mode & 0o777).toBe(0o700);
});

test('a sealed snapshot shows nothing of what is in it, and looks different each time', async () => {
	const [one, other] = [await seal(), await seal()];

	expect(one.equals(other)).toBe(false);
	for (const word of ['leader.example', 'manifest', digest]) expect(one.includes(word)).toBe(false);
});

test('the key is another one for another password or another repository', async () => {
	const keys = await Promise.all([
		deriveSealingKey({ password: 'sesame', repositoryId: REPOSITORY_ID }),
		deriveSealingKey({ password: 'sesame', repositoryId: '02'.repeat(32) }),
		deriveSealingKey({ password: 'sesame!', repositoryId: REPOSITORY_ID }),
	]);

	expect(keys.map((other) => other.equals(key))).toEqual([true, false, false]);
});

describe('nothing is opened, and nothing is written,', () => {
	async function refused(sealed: Buffer, options: Parameters<typeof open>[1] = {}) {
		const directory = await temporaryDirectory('opened');
		const error = await open(sealed, { ...options, directory }).catch((caught: unknown) => caught);
		expect(error).toMatchObject({ code: 'snapshot-corrupt' });
		expect(await readdir(directory)).toEqual([]);
		return String(error);
	}

	test('with the key of another password, for another fleet, or as another snapshot', async () => {
		const sealed = await seal();
		const otherKey = await deriveSealingKey({ password: 'other', repositoryId: REPOSITORY_ID });

		for (const options of [{ key: otherKey }, { fleet: 'other' }, { digest: 'f0'.repeat(32) }])
			expect(await refused(sealed, options)).toContain('with another password');
	});

	test('whichever bit of it was changed', async () => {
		const sealed = await seal();
		const bit = fc.integer({ min: 0, max: sealed.length * 8 - 1 });

		await fc.assert(
			fc.asyncProperty(bit, async (position) => {
				const changed = Buffer.from(sealed);
				changed[position >> 3] = (changed[position >> 3] ?? 0) ^ (1 << (position & 7));

				const error = await open(changed, { directory: '/nowhere' }).catch((caught: unknown) => caught);

				// The version is told from damage, so that an upgrade can be asked for.
				const isVersion = position >> 3 === 7;
				expect(error).toMatchObject({ code: isVersion ? 'snapshot-format-unknown' : 'snapshot-corrupt' });
			}),
		);
	});

	test('wherever it was cut off, and when something was put behind it', async () => {
		const sealed = await seal();

		for (const length of [0, 7, HEADER_BYTES, HEADER_BYTES + 15, HEADER_BYTES + 16, sealed.length - 1])
			await refused(sealed.subarray(0, length));
		await refused(Buffer.concat([sealed, Buffer.from('x')]));
	});

	test('when its place is another one than asked for', async () => {
		const other = { ...PLACE, digest: 'f0'.repeat(32) };

		expect(await refused(sealFiles([['place.json', JSON.stringify(other)]]))).toContain('another one');
		expect(await refused(sealFiles([['manifest.json', '{}']]))).toContain('place in the lineage');
		expect(await refused(sealFiles([['place.json', '{"generation":0}']]))).toContain('place in the lineage');
	});

	test.each([
		'../outside',
		'files/upload/../../outside',
		'/etc/outside',
		'files/kuma.db',
		'tables/../x.csv',
		'tables/x.txt',
		'files/upload//x',
		'files/upload/a\0b',
		'',
	])('when one of its files would be %j', async (path) => {
		expect(await refused(sealFiles([PLACE_ENTRY, [path, 'x'], ['manifest.json', '{}']]))).toContain(
			'other files',
		);
	});

	test('when the manifest is missing, or is not the last of its files', async () => {
		await refused(sealFiles([PLACE_ENTRY]));
		await refused(sealFiles([PLACE_ENTRY, ['manifest.json', '{}'], ['tables/tag.csv', '']]));
	});

	test('when it would unpack to more than any snapshot holds', async () => {
		const bomb = sealBytes(gzipSync(Buffer.alloc(257 * 1024 * 1024), { level: 1 }));

		expect(bomb.length).toBeLessThan(4 * 1024 * 1024);
		expect(await refused(bomb)).toContain('at most 268435456 bytes');
		expect(await refused(sealBytes(Buffer.from('no gzip')))).toContain('cannot be unpacked');
	});
});

test('two files that cannot be there at once are a damaged snapshot, not a bug', async () => {
	const files = ['files/upload/a', 'files/upload/a/b', 'manifest.json'].map((path) => [path, 'x'] as const);

	await expect(open(sealFiles([PLACE_ENTRY, ...files]))).rejects.toMatchObject({ code: 'snapshot-corrupt' });
});

test('a folder that is not empty is never overwritten', async () => {
	const directory = await temporaryDirectory('opened');
	await mkdir(join(directory, 'tables'));
	await open(await seal(), { directory });

	await expect(open(await seal(), { directory })).rejects.toMatchObject({ code: 'snapshot-corrupt' });

	expect(await readFile(join(directory, 'tables/tag.csv'), 'utf8')).toContain('a name');
});

test('a snapshot that is too large is not sealed', async () => {
	const tree = new Map([['tables/tag.csv', new Uint8Array(257 * 1024 * 1024)]]);

	expect(await sealSnapshot({ place: PLACE, manifest: MANIFEST, tree, fleet: 'default', key })).toBeNull();
});

test('any archive is unpacked to what was packed, and no part of one is', () => {
	const files = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 20, unit: 'grapheme' }), fc.uint8Array()), {
		selector: ([path]) => path,
		maxLength: 5,
	});
	fc.assert(
		fc.property(files, fc.nat(), (wanted, cut) => {
			const archive = packArchive(wanted);

			const unpacked = [...unpackArchive(archive, 'x')].map(([path, bytes]) => [path, new Uint8Array(bytes)]);

			expect(unpacked).toEqual(wanted);
			const part = archive.subarray(0, cut % (archive.length + 1));
			try {
				expect(unpackArchive(part, 'x').size).toBeLessThanOrEqual(wanted.length);
			} catch (error) {
				expect(error).toMatchObject({ code: 'snapshot-corrupt' });
			}
		}),
	);
});

test('an archive with a file twice, or with an endless path, is damaged', () => {
	const twice = [
		['a', Buffer.from('1')],
		['a', Buffer.from('2')],
	] as const;

	expect(() => unpackArchive(packArchive(twice), 'x')).toThrow('a file twice');
	expect(() => unpackArchive(Buffer.from('ffff', 'hex'), 'x')).toThrow('too long');
});
