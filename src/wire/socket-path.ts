import { closeSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Linux takes 107 bytes for the path of a Unix socket (sun_path in unix(7)), macOS 103. */
const PATH_BYTES_MAX = 100;

/**
 * Runs `use` with a path to a Unix socket that the system accepts, however deep the data directory lies: through
 * the folder's descriptor where the path itself is too long (Linux).
 */
export async function withSocketPath<Result>(
	path: string,
	use: (usablePath: string) => Promise<Result>,
): Promise<Result> {
	if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return use(path);
	const folder = openSync(dirname(path), 'r');
	try {
		return await use(`/proc/self/fd/${folder}/${basename(path)}`);
	} finally {
		closeSync(folder);
	}
}
