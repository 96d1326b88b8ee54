import { execa } from 'execa';
import { ReplicatorError } from '../../model/replicator-error.ts';
import { readComplaints } from './read-complaints.ts';

/** How one call of restic went, for logs and metrics. */
export interface ResticCallReport {
	/** restic's own command: `snapshots`, `backup` … */
	readonly command: string;
	readonly durationMs: number;
	readonly outcome: 'succeeded' | 'failed' | 'timed-out' | 'interrupted' | 'missing';
}

export interface ResticSettings {
	/** The whole environment of the process. Secrets travel here, never in its arguments. */
	readonly environment: Readonly<Record<string, string>>;
	/** How long restic may take to remove its lock once it was asked to end. */
	readonly graceMs: number;
	/** Ends the call that is under way, and refuses every later one. */
	readonly signal?: AbortSignal | undefined;
	readonly onCall?: ((report: ResticCallReport) => void) | undefined;
}

export interface ResticCall {
	readonly command: string;
	readonly options: readonly string[];
	/** Folder that restic runs in. */
	readonly directory?: string;
	readonly timeoutMs: number;
	/** Undoes what an attempt has left behind, before another one. */
	readonly beforeAgain?: () => Promise<void>;
	/** Ends this call alone; it fails with the signal's reason then. */
	readonly signal?: AbortSignal | undefined;
	/**
	 * restic repeats a request that failed for up to 15 minutes, whatever the reason. As soon as this says so of a line of
	 * its error output, it is asked to end.
	 */
	readonly givesUpOn?: (line: string) => boolean;
}

/** A restic that ended, well or not. `exitCode` is null when a signal ended it. */
export interface ResticEnd {
	readonly command: string;
	readonly exitCode: number | null;
	readonly stdout: string;
	/** Of bounded length, and so is each line of it: a storage may have put anything there. */
	readonly stderr: string;
}

export type RunRestic = (call: ResticCall) => Promise<ResticEnd>;

const STDOUT_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Runs restic once, in a session of its own: who signals everybody in ours (dumb-init, a terminal) must not end it
 * in mid write. It is ended by SIGINT, which is the one signal after which every version removes its lock.
 * @throws the reason of the call's own signal; ReplicatorError `restic-missing`, `restic-timed-out`, `interrupted`, `restic-failed` (too much output).
 * Any other end is returned.
 */
export function createResticRunner(settings: ResticSettings): RunRestic {
	const { environment, graceMs, signal, onCall } = settings;
	return async (call) => {
		const isStopped = () => signal?.aborted === true;
		if (isStopped()) throw interrupted(call.command);
		call.signal?.throwIfAborted();
		const startedAt = performance.now();
		const gaveUp = new AbortController();
		const subprocess = execa('restic', [call.command, ...call.options], {
			env: { ...environment },
			extendEnv: false,
			...(call.directory === undefined ? {} : { cwd: call.directory }),
			detached: true,
			stdin: 'ignore',
			reject: false,
			timeout: call.timeoutMs,
			cancelSignal: AbortSignal.any(
				[signal, call.signal, gaveUp.signal].filter((each) => each !== undefined),
			),
			killSignal: 'SIGINT',
			forceKillAfterDelay: graceMs,
			maxBuffer: { stdout: STDOUT_BYTES_MAX },
			buffer: { stderr: false },
		});
		const { pid } = subprocess;
		// A password command that restic left behind would hold its output open, and us with it.
		if (pid !== undefined) subprocess.once('exit', () => killGroup(pid));
		const complaints = readComplaints(subprocess.stderr, (line) => {
			if (call.givesUpOn?.(line) === true) gaveUp.abort();
		});
		const result = await subprocess;
		const { command } = call;
		const report = (outcome: ResticCallReport['outcome']) =>
			onCall?.({ command, durationMs: Math.round(performance.now() - startedAt), outcome });
		if (result.exitCode === 0) {
			report('succeeded');
		} else if (pid === undefined) {
			report('missing');
			throw notStarted(result.code, result.cause);
		} else if (result.timedOut) {
			report('timed-out');
			throw timedOut(call);
		} else if (isStopped()) {
			report('interrupted');
			throw interrupted(command);
		} else if (call.signal?.aborted === true) {
			report('interrupted');
			throw call.signal.reason;
		} else {
			report('failed');
			if (result.isMaxBuffer) throw tooMuchOutput(command);
		}
		return { command, exitCode: result.exitCode ?? null, stdout: result.stdout, stderr: complaints() };
	};
}

function killGroup(groupId: number): void {
	try {
		process.kill(-groupId, 'SIGKILL');
	} catch (error) {
		// ESRCH is the rule: nobody is left. EPERM comes from a zombie that nobody has collected yet.
		const { code } = error as NodeJS.ErrnoException;
		if (code !== 'ESRCH' && code !== 'EPERM') throw error;
	}
}

function notStarted(code: string | undefined, cause: unknown): ReplicatorError {
	const reason = code === 'ENOENT' ? 'it was not found' : (code ?? 'for a reason unknown');
	return new ReplicatorError(`restic could not be started: ${reason}.`, {
		code: 'restic-missing',
		hint: 'Install it ("apt-get install restic", "apk add restic", or from https://restic.net) and see that PATH names its folder.',
		cause,
	});
}

function timedOut({ command, timeoutMs }: ResticCall): ReplicatorError {
	return new ReplicatorError(`restic ${command} took longer than ${timeoutMs} ms and was ended.`, {
		code: 'restic-timed-out',
		hint: 'See whether the repository can be reached from here and how fast: "restic snapshots --no-lock".',
		isRetryable: true,
	});
}

function interrupted(command: string): ReplicatorError {
	return new ReplicatorError(`restic ${command} was interrupted, because replicator-kuma is to stop.`, {
		code: 'interrupted',
		isRetryable: true,
	});
}

function tooMuchOutput(command: string): ReplicatorError {
	return new ReplicatorError(`restic ${command} wrote more than can be read (${STDOUT_BYTES_MAX} bytes).`, {
		code: 'restic-failed',
		hint: 'Give this fleet a repository of its own, or forget old snapshots in this one.',
	});
}
