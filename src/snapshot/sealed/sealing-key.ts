import { createSecretKey, type KeyObject, scrypt } from 'node:crypto';
import { promisify } from 'node:util';

declare const IS_SEALING_KEY: unique symbol;
/** What snapshots are sealed with; see {@link deriveSealingKey}. */
export type SealingKey = KeyObject & { readonly [IS_SEALING_KEY]: true };

const KEY_BYTES = 32;
/** 32 MB and some 100 ms for each guess at a password, as restic's own keys cost. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/**
 * Makes the key of everybody who can open one repository with one password. It is worth nothing for anything else: not
 * for another repository with the same password, and not for the repository itself.
 */
export async function deriveSealingKey(from: {
	readonly password: string;
	readonly repositoryId: string;
}): Promise<SealingKey> {
	const derive = promisify<string, string, number, typeof COST, Buffer>(scrypt);
	const bytes = await derive(
		from.password,
		`replicator-kuma sealed snapshot 1 ${from.repositoryId}`,
		KEY_BYTES,
		COST,
	);
	return createSecretKey(bytes) as SealingKey;
}
