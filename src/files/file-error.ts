import { ReplicatorError } from '../model/replicator-error.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** What helps against each; what is not named here gets the last one. */
const HINTS: Readonly<Record<string, string>> = {
	EACCES:
		'Let the user that runs replicator-kuma own it: Kuma and replicator-kuma must run as the same user.',
	EPERM: 'Let the user that runs replicator-kuma own it: Kuma and replicator-kuma must run as the same user.',
	EROFS:
		'Its file system is mounted read-only. Mount it for writing, and look into the kernel\'s log ("dmesg") for why it may have become so.',
	EISDIR: 'There is a folder where a file should be. Move it away.',
	ENOTDIR: 'There is a file where a folder should be. Move it away.',
	EEXIST: 'There is something else where it should be. Move that away.',
	ENOTEMPTY: 'There is a folder with something in it where it should be. Move it away.',
	EIO: 'Its disk or network share does not work. Look into the kernel\'s log ("dmesg") and check the file system.',
	EMFILE: 'This process has too many open files. Raise its limit ("ulimit -n", or LimitNOFILE in systemd).',
	ENFILE: 'The machine has too many open files. Raise fs.file-max, or end what holds them.',
};
const OTHER_HINT =
	'Check that the path exists, who owns it, and that its file system is mounted for writing.';
/** These may pass without anybody doing anything. */
const PASSING = new Set(['EIO', 'EMFILE', 'ENFILE', 'EAGAIN', 'EBUSY', 'ESTALE', 'ETIMEDOUT', 'EINTR']);

/**
 * Turns what the file system said about `path` into an error that a person can act on.
 * @returns a ReplicatorError `disk-full` or `file-access` for whatever the system said; anything else comes back as it
 * is, for it is a bug.
 */
export function fileError({ path, verb, cause }: { path: string; verb: string; cause: unknown }): unknown {
	const code = (cause as NodeJS.ErrnoException | null)?.code ?? '';
	if (FULL.has(code)) {
		return new ReplicatorError(`Could not ${verb} ${path}: the disk is full (${code})`, {
			code: 'disk-full',
			hint: 'Free some space on the disk that holds it, or raise its quota.',
			isRetryable: true,
			cause,
		});
	}
	// Node's own codes begin with ERR_.
	if (!/^E[A-Z0-9]+$/.test(code)) return cause;
	return new ReplicatorError(`Could not ${verb} ${path} (${code})`, {
		code: 'file-access',
		hint: HINTS[code] ?? OTHER_HINT,
		isRetryable: PASSING.has(code),
		cause,
	});
}
