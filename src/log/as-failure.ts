import { fileError } from '../files/file-error.ts';
import { ReplicatorError } from '../model/replicator-error.ts';

/**
 * @returns what was thrown in the course of a cycle, as a failure that can be shown. What the file system said of a path
 * becomes ours here, wherever it comes from; anything else that we do not know is a bug, whose own words may hold
 * anything and stay in the log.
 */
export function asFailure(thrown: unknown): ReplicatorError {
	const path = pathOf(thrown);
	const known = path === null ? thrown : fileError({ path, verb: 'use', cause: thrown });
	if (known instanceof ReplicatorError) return known;
	const name = thrown instanceof Error ? thrown.name : typeof thrown;
	return new ReplicatorError(`Replication fails because of a bug in replicator-kuma (${name}).`, {
		code: 'bug',
		hint: 'Please report it with the lines of the log around this moment.',
		cause: thrown,
	});
}

/** @returns what to log or to throw on of a failure: a bug as it was thrown, with its stack, and anything else as it is. */
export function asThrown(failure: ReplicatorError): unknown {
	return failure.code === 'bug' && failure.cause !== undefined ? failure.cause : failure;
}

/**
 * @returns whether replication is in trouble: not when the end was asked for, or an order was refused, which whoever gave
 * it knows.
 */
export function isTrouble({ code }: ReplicatorError): boolean {
	return code !== 'interrupted' && code !== 'refused';
}

/** What only disks and the limits on open files answer; a call on an open file does not say which one it was. */
const DISK_CODES = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE']);

function pathOf(error: unknown): string | null {
	if (!(error instanceof Error) || !('syscall' in error)) return null;
	const { path, code = '' } = error as NodeJS.ErrnoException;
	if (typeof path === 'string') return path;
	return DISK_CODES.has(code) ? 'a file' : null;
}
