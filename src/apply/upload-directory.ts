import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Uploads } from '../model/instance.ts';
import { ReplicatorError } from '../model/replicator-error.ts';

/** The uploaded files of a data directory. Paths are checked where snapshots are decoded, and once more here. */
export function openUploads(dataDirectory: string): Uploads {
	const locate = (path: string) => {
		if (!path.startsWith('upload/') || path.split('/').includes('..')) {
			throw new ReplicatorError(`The path ${path} does not lie in the folder for uploads.`, {
				code: 'snapshot-corrupt',
			});
		}
		return join(dataDirectory, path);
	};
	return {
		async read(path) {
			try {
				return new Uint8Array(await readFile(locate(path)));
			} catch (error) {
				if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
				throw accessError(path, error);
			}
		},
		async write(path, content) {
			const target = locate(path);
			const temporary = `${target}.${randomBytes(4).toString('hex')}.tmp`;
			try {
				await mkdir(dirname(target), { recursive: true });
				const file = await open(temporary, 'wx');
				try {
					await file.writeFile(content);
					await file.sync();
				} finally {
					await file.close();
				}
				await rename(temporary, target);
			} catch (error) {
				await rm(temporary, { force: true });
				throw accessError(path, error);
			}
		},
		async remove(path) {
			try {
				await rm(locate(path), { force: true });
			} catch (error) {
				throw accessError(path, error);
			}
		},
	};
}

function accessError(path: string, cause: unknown): ReplicatorError {
	if (cause instanceof ReplicatorError) return cause;
	const { code } = cause as NodeJS.ErrnoException;
	if (code === 'ENOSPC' || code === 'EDQUOT') {
		return new ReplicatorError(`There is no space left for the file ${path}.`, {
			code: 'disk-full',
			hint: 'Free space on the disk of the data directory; the snapshot is applied at the next cycle.',
			isRetryable: true,
			cause,
		});
	}
	return new ReplicatorError(`The file ${path} in the data directory cannot be used (${code}).`, {
		code: 'file-access',
		hint: 'Let the user that runs replicator-kuma read and write the data directory.',
		cause,
	});
}
