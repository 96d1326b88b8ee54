import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { type ErrorCode, ReplicatorError } from '../model/replicator-error.ts';
import type { CycleReport, Status } from '../model/status.ts';
import { sendRequest } from '../signals/send-request.ts';
import { withSocketPath } from '../socket/socket-path.ts';
import type { Controlled } from './control-server.ts';

/** A cycle may wait for a large upload, and for Kuma's restart. */
const ANSWER_TIMEOUT_MS = 15 * 60 * 1000;

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

/** @param path the control socket. Failures there arrive as the same ReplicatorErrors here. */
export function controlClient(path: string): ControlClient {
	return {
		async status() {
			try {
				return (await ask({ path, method: 'GET', route: '/status' })) as Status;
			} catch (error) {
				if (error instanceof ReplicatorError && error.code === 'control-unreachable') return null;
				throw error;
			}
		},
		backup: async (orders) =>
			(await ask({ path, method: 'POST', route: '/backup', body: orders })) as CycleReport,
		restore: async (orders) =>
			(await ask({ path, method: 'POST', route: '/restore', body: orders })) as CycleReport,
	};
}

async function ask(call: {
	path: string;
	method: 'GET' | 'POST';
	route: string;
	body?: unknown;
}): Promise<unknown> {
	const answered = await withSocketPath(call.path, (socketPath) => exchange({ ...call, socketPath }));
	const answer: unknown = JSON.parse(answered.text);
	if (answered.status === 200) return answer;
	const { error } = failure.parse(answer);
	throw new ReplicatorError(error.message, {
		code: error.code as ErrorCode,
		...(error.hint === null ? {} : { hint: error.hint }),
	});
}

async function exchange(call: {
	path: string;
	socketPath: string;
	method: 'GET' | 'POST';
	route: string;
	body?: unknown;
}): Promise<{ status: number; text: string }> {
	const { path, socketPath, method, route, body } = call;
	try {
		const answer = await sendRequest(new URL(route, 'http://localhost'), {
			socketPath,
			method,
			headers: { 'content-type': 'application/json' },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
			signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
		});
		return { status: answer.status, text: await text(answer.body) };
	} catch (cause) {
		throw new ReplicatorError(`The running replicator-kuma does not answer at ${path}.`, {
			code: 'control-unreachable',
			hint: 'Is "replicator-kuma run" running for this data directory? DATA_DIR must name the same one.',
			isRetryable: true,
			cause,
		});
	}
}
