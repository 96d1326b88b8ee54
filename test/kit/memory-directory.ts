import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const MEMORY = '/dev/shm';
const FREE_BYTES_MIN = 1024 ** 3;

/**
 * Where quick tests write: thousands of small commits, each of which waits for a disk that others may use, too.
 * @returns a folder in memory where the machine has one with room, and the usual one elsewhere.
 */
export function memoryDirectory(): string {
	try {
		const { bavail, bsize } = statfsSync(MEMORY);
		return bavail * bsize >= FREE_BYTES_MIN ? MEMORY : tmpdir();
	} catch {
		// A system without such a folder.
		return tmpdir();
	}
}
