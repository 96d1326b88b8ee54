import { writeSync } from 'node:fs';
import { describeError } from './describe-error.ts';

const STDERR = 2;

/**
 * Writes one line beside Kuma's own output. The agent must never take Kuma down, not even by a broken pipe, which
 * process.stderr would tell as an error that nobody catches.
 */
export function agentLog(message: string, error?: unknown): void {
	try {
		const reason = error === undefined ? '' : `: ${describeError(error)}`;
		writeSync(STDERR, `[replicator-kuma agent] ${message}${reason}\n`);
	} catch {
		// Nobody reads; there is nowhere left to say it.
	}
}

/** Runs a piece of the agent; whatever it throws is a line in the log and nothing more. */
export function guarded<Result>(what: string, work: () => Result): Result | undefined {
	try {
		return work();
	} catch (error) {
		agentLog(`${what} failed`, error);
		return undefined;
	}
}
