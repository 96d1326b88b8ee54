import { createHash, randomBytes, scrypt } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createResticKey, decryptAsRestic, encryptAsRestic, type ResticKey } from './restic-encryption.ts';

/**
 * Repositories of tests whose password costs nothing to try. restic takes the cost of a key from the key's own file, and
 * spends half a second on it in every call; where the cost is not what a test is about, that is all a call waits for.
 */

/** What the repositories of tests are opened with. */
export const TEST_PASSWORD = 'sesame-open-up';

/** The least that restic accepts. */
const WEAK = { N: 128, r: 1, p: 1 } as const;
/** What restic itself spends when it creates a repository may need this much memory. */
const SCRYPT_MEMORY_BYTES = 256 * 1024 * 1024;
const KEY_BYTES = 64;
/** Irreducible and of degree 53, as one that `restic init` draws. Where files are cut does not matter to any test. */
const CHUNKER_POLYNOMIAL = '3d536e41311fe5';

interface KeyFile {
	readonly kdf: 'scrypt';
	readonly N: number;
	readonly r: number;
	readonly p: number;
	readonly salt: string;
	readonly data: string;
}

/** Makes an empty repository in a folder, with an id and keys of its own, as `restic init` does. */
export async function makeWeakRepository(directory: string, password = TEST_PASSWORD): Promise<void> {
	const packs = Array.from({ length: 256 }, (_, index) => `data/${index.toString(16).padStart(2, '0')}`);
	const folders = [...packs, 'index', 'keys', 'locks', 'snapshots'];
	await Promise.all(
		folders.map((folder) => mkdir(join(directory, folder), { recursive: true, mode: 0o700 })),
	);
	const master = createResticKey(randomBytes(KEY_BYTES));
	const text = JSON.stringify({
		mac: { k: master.macKey.toString('base64'), r: master.macMask.toString('base64') },
		encrypt: master.encryptionKey.toString('base64'),
	});
	const about = {
		created: new Date().toISOString(),
		username: 'tests',
		hostname: 'tests',
		kdf: 'scrypt',
	} as const;
	await writeWeakKey(directory, { password, about, master: Buffer.from(text) });
	const config = {
		version: 2,
		id: randomBytes(32).toString('hex'),
		chunker_polynomial: CHUNKER_POLYNOMIAL,
	};
	const encrypted = encryptAsRestic(master, Buffer.from(JSON.stringify(config)));
	// Written last: it is what makes a folder a repository.
	await writeFile(join(directory, 'config'), encrypted, { mode: 0o400, flag: 'wx' });
}

/** Replaces the keys of a repository by others that cost nothing and open it with the same password. */
export async function weakenRepository(directory: string, password: string): Promise<void> {
	for (const name of await readdir(join(directory, 'keys'))) {
		const path = join(directory, 'keys', name);
		const { data, salt, N, r, p, ...about } = JSON.parse(await readFile(path, 'utf8')) as KeyFile;
		const key = await deriveKey(password, Buffer.from(salt, 'base64'), { N, r, p });
		const master = decryptAsRestic(key, Buffer.from(data, 'base64'));
		await writeWeakKey(directory, { password, about, master });
		await rm(path);
	}
}

async function writeWeakKey(
	directory: string,
	key: {
		readonly password: string;
		readonly about: Pick<KeyFile, 'kdf'>;
		/** The key of everything else in the repository, as JSON. */
		readonly master: Buffer;
	},
): Promise<void> {
	const salt = randomBytes(KEY_BYTES);
	const data = encryptAsRestic(await deriveKey(key.password, salt, WEAK), key.master);
	const text = JSON.stringify({
		...key.about,
		...WEAK,
		salt: salt.toString('base64'),
		data: data.toString('base64'),
	});
	// restic names files after what is in them, and checks it.
	const name = createHash('sha256').update(text).digest('hex');
	await writeFile(join(directory, 'keys', name), text, { mode: 0o400 });
}

async function deriveKey(
	password: string,
	salt: Buffer,
	cost: Pick<KeyFile, 'N' | 'r' | 'p'>,
): Promise<ResticKey> {
	const derive = promisify<string, Buffer, number, typeof cost & { maxmem: number }, Buffer>(scrypt);
	return createResticKey(await derive(password, salt, KEY_BYTES, { ...cost, maxmem: SCRYPT_MEMORY_BYTES }));
}
