import { isReplicatorError } from '../model/replicator-error.ts';
import type { CycleReport } from '../model/status.ts';

/** What the exit codes of every command mean; printed by `replicator-kuma --help`. */
export const EXIT_CODES = {
	done: 0,
	failed: 1,
	/** The command line or the configuration. */
	misused: 2,
	/** Held, or stood down: a person must decide. */
	needsDecision: 3,
	/** Another replicator-kuma has the data directory, or (status) none is running, or it does not answer. */
	notAvailable: 4,
	kumaNotStartable: 5,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** The one place where a failure becomes an exit code. */
export function exitCodeOf(error: unknown): ExitCode {
	if (!isReplicatorError(error)) return EXIT_CODES.failed;
	switch (error.code) {
		case 'configuration-invalid':
			return EXIT_CODES.misused;
		case 'data-directory-in-use':
		case 'control-unreachable':
		// Whatever restarts a container that does not answer has to hear of one that hangs.
		case 'control-silent':
			return EXIT_CODES.notAvailable;
		case 'kuma-not-startable':
		case 'kuma-not-stoppable':
			return EXIT_CODES.kumaNotStartable;
		default:
			return EXIT_CODES.failed;
	}
}

/** @returns the exit code of a command that ran a cycle. */
export function exitCodeOfReport(report: CycleReport): ExitCode {
	return report.needsDecision ? EXIT_CODES.needsDecision : EXIT_CODES.done;
}
