import { readFileSync, statSync } from 'node:fs';

const SECRET_FILE_BYTES_MAX = 65_536;

/**
 * Reads the text of a secret's file.
 * @throws Error of the system with its `code`, or one whose message says what is wrong with the file.
 */
export function readSecretFile(path: string): string {
	const stats = statSync(path);
	// A pipe would hang this process, and it would give restic nothing once we have read it.
	if (!stats.isFile()) {
		throw new Error('it is not a regular file');
	}
	if (stats.size > SECRET_FILE_BYTES_MAX) {
		throw new Error(`it is larger than ${SECRET_FILE_BYTES_MAX} bytes`);
	}
	return readFileSync(path, 'utf8');
}
