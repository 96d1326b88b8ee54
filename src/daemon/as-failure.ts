import { ReplicatorError } from '../model/replicator-error.ts';
import { fileError } from './file-error.ts';

/**
 * @returns what was thrown in the course of a cycle, as a failure that can be shown. What the file system said of a path
 * becomes ours here, wherever it comes from; anything else that we do not know is a bug, whose own words may hold
 * anything and stay in the log.
 */
export function asFailure(thrown: unknown): ReplicatorError {
	const known = isAboutPath(thrown) ? fileError({ path: thrown.path, verb: 'use', cause: thrown }) : thrown;
	if (known instanceof ReplicatorError) return known;
	const name = thrown instanceof Error ? thrown.name : typeof thrown;
	return new ReplicatorError(`Replication fails because of a bug in replicator-kuma (${name}).`, {
		code: 'bug',
		hint: 'Please report it with the lines of the log around this moment.',
		cause: thrown,
	});
}

function isAboutPath(error: unknown): error is NodeJS.ErrnoException & { readonly path: string } {
	return error instanceof Error && 'syscall' in error && 'path' in error && typeof error.path === 'string';
}
