import pRetry from 'p-retry';
import type { Log } from '../model/log.ts';
import { isReplicatorError, ReplicatorError } from '../model/replicator-error.ts';
import { connectionTrouble } from '../wire/connection-trouble.ts';
import { type Answer, isSuccess, type RequestParts, sendRequest } from '../wire/send-request.ts';

export interface DeliveryOptions {
	/** What may be told of where it goes. */
	readonly place: string;
	readonly log: Log;
	/** What the log says when nothing helped. */
	readonly complaint: string;
	/** How long one attempt may take. */
	readonly timeoutMs: number;
	readonly retries: number;
	/** How long to wait before the first retry; twice as long before the second. */
	readonly retryDelayMs: number;
	readonly unreachableHint: string;
	readonly refusedHint: (status: number) => string;
}

/**
 * @returns how to send to one server what needs no answer. That is tried again where it may help, and never rejects
 * because of the server: it resolves to why it is given up, or to null.
 */
export function createDelivery(options: DeliveryOptions) {
	const { log, complaint, retries, retryDelayMs } = options;
	let warnedOf: string | null = null;

	return async (
		url: URL,
		request: Omit<RequestParts, 'signal'>,
		fields: Readonly<Record<string, unknown>> = {},
	): Promise<ReplicatorError | null> => {
		try {
			await pRetry(() => attempt(url, request, options), {
				retries,
				minTimeout: retryDelayMs,
				shouldRetry: ({ error }) => isReplicatorError(error) && error.isRetryable,
			});
			warnedOf = null;
			return null;
		} catch (error) {
			if (!isReplicatorError(error, 'notice-failed')) throw error;
			// One warning is enough for a server that stays away for a week.
			log[warnedOf === error.message ? 'debug' : 'warning'](complaint, { ...fields, error });
			warnedOf = error.message;
			return error;
		}
	};
}

/** @throws ReplicatorError `notice-failed`, retryable where another attempt may do better. */
async function attempt(
	url: URL,
	request: Omit<RequestParts, 'signal'>,
	{ place, timeoutMs, unreachableHint, refusedHint }: DeliveryOptions,
): Promise<void> {
	let answer: Answer;
	try {
		answer = await sendRequest(url, { ...request, signal: AbortSignal.timeout(timeoutMs) });
		answer.body.destroy();
	} catch (error) {
		throw new ReplicatorError(`${place} ${connectionTrouble(error, timeoutMs)}`, {
			code: 'notice-failed',
			hint: unreachableHint,
			isRetryable: true,
		});
	}
	if (isSuccess(answer)) return;
	throw new ReplicatorError(`${place} answered with HTTP status ${answer.status}`, {
		code: 'notice-failed',
		hint: refusedHint(answer.status),
		isRetryable: answer.status === 429 || answer.status >= 500,
	});
}
