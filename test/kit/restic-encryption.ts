import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/**
 * How restic encrypts every file and key of a repository: AES-256 in counter mode, then Poly1305 over the result, keyed
 * by AES-128 of the same nonce (https://restic.readthedocs.io/en/stable/100_references.html, "Keys, Encryption and MAC").
 */

export interface ResticKey {
	/** 32 bytes. */
	readonly encryptionKey: Buffer;
	/** 16 bytes: what turns the nonce into a pad. */
	readonly macKey: Buffer;
	/** 16 bytes: what Poly1305 multiplies by. */
	readonly macMask: Buffer;
}

const NONCE_BYTES = 16;
const MAC_BYTES = 16;
const POLY1305_PRIME = (1n << 130n) - 5n;
/** Bits that Poly1305 wants to be zero in what it multiplies by. */
const POLY1305_CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

/** @param bytes 64 of them. */
export function createResticKey(bytes: Buffer): ResticKey {
	return {
		encryptionKey: bytes.subarray(0, 32),
		macKey: bytes.subarray(32, 48),
		macMask: bytes.subarray(48, 64),
	};
}

/** @returns nonce, encrypted bytes and their MAC, one after the other. */
export function encryptAsRestic(key: ResticKey, plain: Buffer): Buffer {
	const nonce = randomBytes(NONCE_BYTES);
	const encrypted = createCipheriv('aes-256-ctr', key.encryptionKey, nonce).update(plain);
	return Buffer.concat([nonce, encrypted, macOf(key, nonce, encrypted)]);
}

/** @throws Error when they were encrypted with another key. */
export function decryptAsRestic(key: ResticKey, bytes: Buffer): Buffer {
	const nonce = bytes.subarray(0, NONCE_BYTES);
	const encrypted = bytes.subarray(NONCE_BYTES, -MAC_BYTES);
	if (!macOf(key, nonce, encrypted).equals(bytes.subarray(-MAC_BYTES)))
		throw new Error('this is encrypted with another key');
	return createDecipheriv('aes-256-ctr', key.encryptionKey, nonce).update(encrypted);
}

function macOf(key: ResticKey, nonce: Buffer, message: Buffer): Buffer {
	const pad = createCipheriv('aes-128-ecb', key.macKey, null).setAutoPadding(false).update(nonce);
	const factor = toNumber(key.macMask) & POLY1305_CLAMP;
	let sum = 0n;
	for (let start = 0; start < message.length; start += MAC_BYTES) {
		const block = Buffer.concat([message.subarray(start, start + MAC_BYTES), Buffer.of(1)]);
		sum = ((sum + toNumber(block)) * factor) % POLY1305_PRIME;
	}
	const mac = BigInt.asUintN(8 * MAC_BYTES, sum + toNumber(pad));
	return Buffer.from(mac.toString(16).padStart(2 * MAC_BYTES, '0'), 'hex').reverse();
}

/** Little-endian, of any length. */
function toNumber(bytes: Buffer): bigint {
	return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}
