import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createdRepository, testPublication, testRepository, testTree } from '../kit/restic.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { makeWeakRepository, TEST_PASSWORD, weakenRepository } from '../kit/weak-repository.ts';

async function keyOf(location: string): Promise<unknown> {
	const [name = '', ...others] = await readdir(join(location, 'keys'));
	expect(others).toEqual([]);
	return JSON.parse(await readFile(join(location, 'keys', name), 'utf8'));
}

test('a repository made for tests is a whole one to restic, with an id and a master key of its own', async () => {
	const location = await temporaryDirectory('repository');
	const { repository, restic } = await createdRepository({ location });
	const other = await createdRepository({ location: await temporaryDirectory('repository') });
	const directory = await testTree({
		'manifest.json': '1',
		'files/logo.png': Buffer.alloc(3_000_000, 'logo'),
	});

	await repository.publish(testPublication({ directory }));

	await restic('check', '--read-data');
	expect(await repository.list()).toHaveLength(1);
	expect(await repository.id()).not.toBe(await other.repository.id());
	expect(await restic('cat', 'masterkey')).not.toBe(await other.restic('cat', 'masterkey'));
	expect(await keyOf(location)).toMatchObject({ N: 128, r: 1, p: 1 });
});

test('no other password opens it, and it is not made twice', async () => {
	const location = await temporaryDirectory('repository');
	await makeWeakRepository(location);

	const wrong = await testRepository({ location, environment: { RESTIC_PASSWORD: 'another' } });

	await expect(wrong.repository.list()).rejects.toMatchObject({ code: 'repository-password-wrong' });
	await expect(makeWeakRepository(location)).rejects.toMatchObject({ code: 'EEXIST' });
});

test('a repository that restic has made is the same with a key that costs nothing', async () => {
	const location = join(await temporaryDirectory('repository'), 'restic');
	const { repository, restic } = await testRepository({ location });
	await repository.create();
	const id = await repository.id();
	const masterKey = await restic('cat', 'masterkey');
	await expect(weakenRepository(location, 'another')).rejects.toThrow('encrypted with another key');

	await weakenRepository(location, TEST_PASSWORD);

	expect([await repository.id(), await restic('cat', 'masterkey')]).toEqual([id, masterKey]);
	expect(await keyOf(location)).toMatchObject({ N: 128, r: 1, p: 1 });
	await restic('check', '--read-data');
});
