import { isReplicatorError, ReplicatorError } from '../../model/replicator-error.ts';

const NO_ROOM = 'The machine has no room for another process or open file now; it is tried again.';
/** What a machine answers that cannot start a process at the moment, which says nothing about the command; and the way out. */
const PASSING: Readonly<Record<string, string>> = {
	EAGAIN: NO_ROOM,
	EMFILE: NO_ROOM,
	ENFILE: NO_ROOM,
	ENOMEM: 'The machine has no memory left for another process; it is tried again.',
	EIO: 'The disk that the program is on could not be read; it is tried again. See the log of the system.',
	ETXTBSY: 'The program is being replaced, as by an update; it is tried again.',
};

/** @returns whether the machine could not start Kuma at the moment, whatever its command. */
export function isPassingFailure(error: unknown): boolean {
	if (!isReplicatorError(error, 'kuma-not-startable')) return false;
	return Object.hasOwn(PASSING, (error.cause as NodeJS.ErrnoException | undefined)?.code ?? '');
}

/** @returns the failure of a command that could not be run; one that will pass is retryable, and says what it waits for. */
export function notSpawned(failed: {
	command: readonly string[];
	cwd: string;
	cause: unknown;
}): ReplicatorError {
	const code = (failed.cause as NodeJS.ErrnoException).code ?? 'unknown reason';
	const hint = Object.hasOwn(PASSING, code) ? PASSING[code] : undefined;
	return new ReplicatorError(`Could not run \`${failed.command.join(' ')}\` in ${failed.cwd} (${code})`, {
		code: 'kuma-not-startable',
		isRetryable: hint !== undefined,
		hint:
			hint ??
			"Check the command after `run --`, that its program is on the PATH, and that it runs in Kuma's folder.",
		cause: failed.cause,
	});
}
