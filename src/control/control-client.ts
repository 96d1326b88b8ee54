import * as z from 'zod';
import { type ErrorCode, isReplicatorError, ReplicatorError } from '../model/replicator-error.ts';
import type { CycleReport, Status } from '../model/status.ts';
import { TURN_MAX_MS } from '../timing/work-queue.ts';
import { readBody } from '../wire/read-body.ts';
import { sendRequest } from '../wire/send-request.ts';
import { withSocketPath } from '../wire/socket-path.ts';
import type { Controlled } from './control-server.ts';

/** A status is what is known already. A process that was stopped, or that hangs, takes the connection all the same. */
const STATUS_TIMEOUT_MS = 5_000;
/** An order waits for the work that has its turn, and has a turn of its own. */
const ORDER_TIMEOUT_MS = 2 * TURN_MAX_MS + 60_000;
/** Every change of a plan may be in it, in words. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

const failure = z.object({
	error: z.object({ code: z.string(), message: z.string(), hint: z.string().nullable() }),
});

/** Asks the running replicator-kuma of a data directory. */
export interface ControlClient {
	/** @returns null when none is running. */
	status(): Promise<Status | null>;
	backup(orders: Parameters<Controlled['backup']>[0]): Promise<CycleReport>;
	restore(orders: Parameters<Controlled['restore']>[0]): Promise<CycleReport>;
}

/**
 * @param paths where the control socket may be, in the order to try them. Failures there arrive as the same
 * ReplicatorErrors here.
 */
export function controlClient(...paths: readonly [string, ...string[]]): ControlClient {
	const [first, ...others] = paths;
	// It moves to the first place as soon as it can: perhaps between the look there and the look at another.
	const places: typeof paths = others.length === 0 ? [first] : [first, ...others, first];
	const ask = (call: Omit<Parameters<typeof askAt>[0], 'path'>) => askFirst(places, call);
	return {
		async status() {
			try {
				return (await ask({ method: 'GET', route: '/status' })) as Status;
			} catch (error) {
				if (error instanceof ReplicatorError && error.code === 'control-unreachable') return null;
				throw error;
			}
		},
		backup: async (orders) => (await ask({ method: 'POST', route: '/backup', body: orders })) as CycleReport,
		restore: async (orders) =>
			(await ask({ method: 'POST', route: '/restore', body: orders })) as CycleReport,
	};
}

/** Where nobody listens, nothing has been asked, and the next place is tried. */
async function askFirst(
	[path, ...others]: readonly [string, ...string[]],
	call: Omit<Parameters<typeof askAt>[0], 'path'>,
): Promise<unknown> {
	try {
		return await askAt({ ...call, path });
	} catch (error) {
		const [other, ...rest] = others;
		if (other === undefined || !(isNobodyThere(error) || (call.method === 'GET' && isCutOff(error))))
			throw error;
		// The first place is the one to name where there is nobody at all.
		return askFirst([other, ...rest], call).catch((later: unknown) => {
			throw isNobodyThere(later) ? error : later;
		});
	}
}

/** Whether nobody has taken the connection: no socket, one that a dead process has left, or a folder that is closed. */
function isNobodyThere(error: unknown): boolean {
	return ['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'EACCES', 'ENOTSOCK', 'EIO'].includes(connectionCode(error));
}

/** Whether a connection ended without an answer: whoever takes no order may be asked again. */
function isCutOff(error: unknown): boolean {
	return connectionCode(error) === 'ECONNRESET';
}

/** @returns what the system said of a connection that came to nothing, or nothing. */
function connectionCode(error: unknown): string {
	if (!isReplicatorError(error, 'control-unreachable')) return '';
	return ((error.cause ?? {}) as NodeJS.ErrnoException).code ?? '';
}

async function askAt(call: {
	path: string;
	method: 'GET' | 'POST';
	route: string;
	body?: unknown;
}): Promise<unknown> {
	const answered = await reachSocket(call.path, (socketPath) => exchange({ ...call, socketPath }));
	const answer: unknown = JSON.parse(answered.text);
	if (answered.status === 200) return answer;
	const { error } = failure.parse(answer);
	throw new ReplicatorError(error.message, {
		code: error.code as ErrorCode,
		...(error.hint === null ? {} : { hint: error.hint }),
	});
}

/** A long path goes through its folder, which may not be there. */
async function reachSocket<Result>(
	path: string,
	use: (usablePath: string) => Promise<Result>,
): Promise<Result> {
	try {
		return await withSocketPath(path, use);
	} catch (cause) {
		throw isReplicatorError(cause) ? cause : unreachable(path, cause);
	}
}

async function exchange(call: {
	path: string;
	socketPath: string;
	method: 'GET' | 'POST';
	route: string;
	body?: unknown;
}): Promise<{ status: number; text: string }> {
	const { path, socketPath, method, route, body } = call;
	const timeoutMs = method === 'GET' ? STATUS_TIMEOUT_MS : ORDER_TIMEOUT_MS;
	const signal = AbortSignal.timeout(timeoutMs);
	try {
		const answer = await sendRequest(new URL(route, 'http://localhost'), {
			socketPath,
			method,
			headers: { 'content-type': 'application/json' },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
			signal,
		});
		return { status: answer.status, text: (await readBody(answer, ANSWER_BYTES_MAX)).toString('utf8') };
	} catch (cause) {
		throw signal.aborted ? silent({ path, method, timeoutMs }, cause) : unreachable(path, cause);
	}
}

function silent(
	call: { readonly path: string; readonly method: 'GET' | 'POST'; readonly timeoutMs: number },
	cause: unknown,
): ReplicatorError {
	const { path, method, timeoutMs } = call;
	const hint =
		method === 'GET'
			? 'Is its process stopped, or is the machine overloaded? Its log says what it did last.'
			: 'The order may still be carried out: see "replicator-kuma status" before you give it again.';
	return new ReplicatorError(
		`The running replicator-kuma at ${path} did not answer within ${Math.round(timeoutMs / 1000)} s.`,
		{ code: 'control-silent', hint, isRetryable: method === 'GET', cause },
	);
}

function unreachable(path: string, cause: unknown): ReplicatorError {
	return new ReplicatorError(`The running replicator-kuma does not answer at ${path}.`, {
		code: 'control-unreachable',
		hint: 'Is "replicator-kuma run" running for this data directory? DATA_DIR must name the same one.',
		isRetryable: true,
		cause,
	});
}
