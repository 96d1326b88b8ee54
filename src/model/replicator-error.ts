/**
 * Every way in which the product can fail. The union is closed: a caller that branches on a failure branches
 * on this code, never on the words of a message.
 */
export type ErrorCode =
	/** The environment or the command line is not usable as given. */
	| 'configuration-invalid'
	/** Another replicator-kuma holds this data directory. */
	| 'data-directory-in-use'
	/** db-config.json is there, but is not what Kuma writes. */
	| 'database-config-invalid'
	/** Nobody has chosen a database in Kuma's own wizard yet. */
	| 'database-not-set-up'
	/** The database exists, but Kuma has not created its tables yet. */
	| 'database-not-migrated'
	| 'database-unreachable'
	/** Another process held the write lock for longer than we may wait. */
	| 'database-locked'
	| 'database-read-failed'
	| 'database-write-failed'
	/** A row changed between the plan and its application. */
	| 'database-changed-meanwhile'
	/** A commit was sent and its answer never came: the changes are there, or will be, or never. */
	| 'database-outcome-unknown'
	| 'disk-full'
	| 'file-access'
	/** A snapshot's bytes are not what its manifest says. */
	| 'snapshot-corrupt'
	/** A snapshot of a format that this version does not know. */
	| 'snapshot-format-unknown'
	| 'snapshot-not-found'
	| 'restic-missing'
	| 'restic-too-old'
	| 'restic-failed'
	| 'restic-timed-out'
	| 'repository-missing'
	| 'repository-password-wrong'
	| 'repository-unreachable'
	| 'repository-locked'
	/** The agent inside Kuma is not there, or not connected. */
	| 'agent-unreachable'
	/** The agent inside Kuma is connected, but did not answer in time. It may still do what it was asked. */
	| 'agent-silent'
	/** The agent inside Kuma answered that it could not do what it was asked. */
	| 'agent-failed'
	| 'kuma-not-startable'
	| 'kuma-not-ready'
	| 'kuma-not-stoppable'
	/** The leader does not answer over HTTP, or not as one. */
	| 'leader-unreachable'
	/** The running replicator-kuma could not be asked. */
	| 'control-unreachable'
	/** The running replicator-kuma was asked, but did not answer in time. It may still do what it was asked. */
	| 'control-silent'
	| 'state-corrupt'
	| 'notice-failed'
	/** A command was understood, but must not be carried out as things are. */
	| 'refused'
	/** A cycle, or what a command asked for, took longer than anything may, and was given up. */
	| 'cycle-timed-out'
	| 'interrupted'
	/** Something that must not happen; only for showing it to people like any other failure. */
	| 'bug';

export interface ErrorDetails {
	readonly code: ErrorCode;
	/** What to type or to check: the way out, as a full sentence. */
	readonly hint?: string;
	/** Whether the same call may succeed later without anybody doing anything. */
	readonly isRetryable?: boolean;
	readonly cause?: unknown;
}

/**
 * A failure that a person can do something about. Its message names the thing that failed and holds no secret;
 * `hint` names the way out. Anything else that is thrown is a bug.
 */
export class ReplicatorError extends Error {
	override readonly name = 'ReplicatorError';
	readonly code: ErrorCode;
	readonly hint: string | undefined;
	readonly isRetryable: boolean;

	constructor(message: string, details: ErrorDetails) {
		super(message, details.cause === undefined ? undefined : { cause: details.cause });
		this.code = details.code;
		this.hint = details.hint;
		this.isRetryable = details.isRetryable ?? false;
	}
}

/** @returns whether `error` is a {@link ReplicatorError}, of that code if one is given. */
export function isReplicatorError(error: unknown, code?: ErrorCode): error is ReplicatorError {
	return error instanceof ReplicatorError && (code === undefined || error.code === code);
}
