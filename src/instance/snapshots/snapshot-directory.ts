import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SnapshotStore } from '../../model/instance.ts';
import { type ErrorCode, isReplicatorError } from '../../model/replicator-error.ts';
import { readTree } from '../../snapshot/read-tree.ts';
import { type StatePaths, TEMPORARY_PREFIX } from '../state-folder/data-directory.ts';

/** Also of the future: what the repository has of that name says so itself if it is. */
const NOT_WHOLE: ReadonlySet<ErrorCode> = new Set([
	'snapshot-not-found',
	'snapshot-corrupt',
	'snapshot-format-unknown',
	'file-access',
]);
const PRIVATE = { recursive: true, mode: 0o700 } as const;

/** Keeps snapshots as trees in the instance's private folder, one folder a digest. */
export function openSnapshotDirectory(paths: StatePaths): SnapshotStore {
	const locate = (digest: string) => join(paths.appliedDirectory, digest);
	const withTemporary = async <Result>(use: (directory: string) => Promise<Result>): Promise<Result> => {
		const temporary = join(paths.root, `${TEMPORARY_PREFIX}${randomBytes(6).toString('hex')}`);
		await mkdir(temporary, PRIVATE);
		try {
			return await use(temporary);
		} finally {
			await rm(temporary, { recursive: true, force: true });
		}
	};
	return {
		async load(digest) {
			try {
				return await readTree({
					directory: locate(digest),
					where: digest.slice(0, 8),
					expectedDigest: digest,
				});
			} catch (error) {
				// What is missing, damaged or cannot be read here is fetched again; the repository is the record.
				if (isReplicatorError(error) && NOT_WHOLE.has(error.code)) return null;
				throw error;
			}
		},
		keep({ digest, where, write }) {
			return withTemporary(async (temporary) => {
				await write(temporary);
				const snapshot = await readTree({ directory: temporary, where, expectedDigest: digest });
				await mkdir(paths.appliedDirectory, PRIVATE);
				await rm(locate(digest), { recursive: true, force: true });
				await rename(temporary, locate(digest));
				return snapshot;
			});
		},
		async dropAllBut(digests) {
			await mkdir(paths.appliedDirectory, PRIVATE);
			for (const name of await readdir(paths.appliedDirectory)) {
				if (!digests.includes(name)) await rm(locate(name), { recursive: true, force: true });
			}
		},
		async withPublishDirectory(use) {
			await rm(paths.publishDirectory, { recursive: true, force: true });
			await mkdir(paths.publishDirectory, PRIVATE);
			try {
				return await use(paths.publishDirectory);
			} finally {
				await rm(paths.publishDirectory, { recursive: true, force: true });
			}
		},
		withFetchDirectory: withTemporary,
		async makeExportDirectory(name) {
			const directory = join(paths.exportsDirectory, name);
			await mkdir(directory, PRIVATE);
			return directory;
		},
	};
}
