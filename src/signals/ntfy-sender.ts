import pRetry from 'p-retry';

import type { Log } from '../model/log.ts';
import { isReplicatorError, ReplicatorError } from '../model/replicator-error.ts';
import { connectionTrouble } from './connection-trouble.ts';
import { ntfyHint, type TopicVariable } from './ntfy-hint.ts';
import { type Addressee, type RequestAddress, requestAddress } from './request-address.ts';
import { type Answer, isSuccess, sendRequest } from './send-request.ts';

export interface NtfyMessage {
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
	/** What it is, for the log. */
	readonly kind: string;
}

export type SendReport =
	| { readonly outcome: 'sent' }
	| { readonly outcome: 'failed'; readonly error: ReplicatorError };

/** Sends to one topic. `send` never rejects because of the server. */
export interface NtfySender {
	send(message: NtfyMessage): Promise<SendReport>;
}

export interface NtfySenderOptions {
	readonly topic: Addressee;
	readonly variable: TopicVariable;
	readonly log: Log;
	/** How long one attempt may take. */
	readonly timeoutMs?: number;
	/** How long to wait before the first retry; twice as long before the second. */
	readonly retryDelayMs?: number;
}

const TIMEOUT_MS = 10_000;
const RETRIES_MAX = 2;
const RETRY_DELAY_MS = 1_000;

export function createNtfySender(options: NtfySenderOptions): NtfySender {
	const { log, variable, timeoutMs = TIMEOUT_MS, retryDelayMs = RETRY_DELAY_MS } = options;
	const address = requestAddress(options.topic);
	let warnedOf: string | null = null;

	return {
		async send({ headers, body, kind }) {
			const request = {
				headers: { ...address.headers, 'Content-Type': 'text/plain; charset=utf-8', ...headers },
				body,
			};
			try {
				await pRetry(() => attempt({ address, message: request, timeoutMs, variable }), {
					retries: RETRIES_MAX,
					minTimeout: retryDelayMs,
					shouldRetry: ({ error }) => isReplicatorError(error) && error.isRetryable,
				});
			} catch (error) {
				if (!isReplicatorError(error, 'notice-failed')) throw error;
				// One warning is enough for a server that stays away for a week.
				const level = warnedOf === error.message ? 'debug' : 'warning';
				warnedOf = error.message;
				log[level]('A notice could not be sent.', { kind, error });
				return { outcome: 'failed', error };
			}
			warnedOf = null;
			return { outcome: 'sent' };
		},
	};
}

/** @throws ReplicatorError `notice-failed`, retryable where another attempt may do better. */
async function attempt(call: {
	readonly address: RequestAddress;
	readonly message: Pick<NtfyMessage, 'headers' | 'body'>;
	readonly timeoutMs: number;
	readonly variable: TopicVariable;
}): Promise<void> {
	const { address, message, timeoutMs, variable } = call;
	let answer: Answer;
	try {
		const signal = AbortSignal.timeout(timeoutMs);
		// A followed redirect turns a POST into a GET, which ntfy answers well, and nothing has been sent.
		answer = await sendRequest(address.url, { method: 'POST', ...message, signal });
		answer.body.destroy();
	} catch (error) {
		throw new ReplicatorError(`${address.place} ${connectionTrouble(error, timeoutMs)}`, {
			code: 'notice-failed',
			hint: `Check the server in ${variable}, and that this machine can reach it.`,
			isRetryable: true,
		});
	}
	if (isSuccess(answer)) return;
	throw new ReplicatorError(`${address.place} answered with HTTP status ${answer.status}`, {
		code: 'notice-failed',
		hint: ntfyHint(answer.status, variable),
		isRetryable: answer.status === 429 || answer.status >= 500,
	});
}
