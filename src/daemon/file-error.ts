import { ReplicatorError } from '../model/replicator-error.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT']);
const FORBIDDEN = new Set([
	'EACCES',
	'EPERM',
	'EROFS',
	'EEXIST',
	'ENOTDIR',
	'EISDIR',
	'ENOENT',
	'ELOOP',
	'ENAMETOOLONG',
]);

/**
 * Turns what the file system said about `path` into an error that a person can act on.
 * @returns a ReplicatorError `disk-full` or `file-access`; anything else comes back as it is, for it is a bug or a
 * broken disk.
 */
export function fileError({ path, verb, cause }: { path: string; verb: string; cause: unknown }): unknown {
	const code = (cause as NodeJS.ErrnoException).code ?? '';
	if (FULL.has(code)) {
		return new ReplicatorError(`Could not ${verb} ${path}: the disk is full (${code})`, {
			code: 'disk-full',
			hint: 'Free some space on the disk that holds it, or raise its quota.',
			isRetryable: true,
			cause,
		});
	}
	if (FORBIDDEN.has(code)) {
		return new ReplicatorError(`Could not ${verb} ${path} (${code})`, {
			code: 'file-access',
			hint: 'Check that the path exists, who owns it, and that its file system is mounted for writing.',
			cause,
		});
	}
	return cause;
}
