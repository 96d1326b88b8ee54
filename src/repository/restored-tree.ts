import { chmod, chown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ReplicatorError } from '../model/replicator-error.ts';
import { errorLines } from './restic/restic-messages.ts';
import type { ResticEnd } from './restic/restic-process.ts';

const METADATA_FAILED = /^ignoring error for [^\n]*(?:chown|chmod|utimes|xattr|extended attribute)/i;
const ERROR_COUNT = /^Fatal: There were (\d+) errors$/;

/**
 * restic gives restored files the owner that they had on the leader. Where that user does not exist, as root in a
 * container without privileges, this fails although every byte is there.
 * @returns whether nothing else went wrong.
 */
export function hasOnlyLostMetadata(end: ResticEnd): boolean {
	const lines = errorLines(end.stderr);
	const metadata = lines.filter((line) => METADATA_FAILED.test(line)).length;
	const count = lines.map((line) => ERROR_COUNT.exec(line)?.[1]).find((found) => found !== undefined);
	return end.exitCode === 1 && metadata > 0 && Number(count) === metadata;
}

/**
 * Makes a restored tree private to this process's user, whatever owners and modes it had on the leader.
 * @throws ReplicatorError `snapshot-corrupt` when it holds anything but folders and files: nobody may be led
 * through a link to a file outside.
 */
export async function secureTree(directory: string): Promise<void> {
	await takeOver(directory, 0o700);
	for (const entry of await readdir(directory, { withFileTypes: true })) {
		const path = join(directory, entry.name);
		if (entry.isDirectory()) {
			await secureTree(path);
		} else if (entry.isFile()) {
			await takeOver(path, 0o600);
		} else {
			throw new ReplicatorError(`The snapshot holds ${entry.name}, which is neither a file nor a folder.`, {
				code: 'snapshot-corrupt',
				hint: 'It was not made by replicator-kuma: find out who else can write to the repository.',
			});
		}
	}
}

async function takeOver(path: string, mode: number): Promise<void> {
	const userId = process.getuid?.();
	const { uid } = await lstat(path);
	if (userId !== undefined && uid !== userId) await chown(path, userId, process.getgid?.() ?? 0);
	await chmod(path, mode);
}
