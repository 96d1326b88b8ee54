import pRetry from 'p-retry';

import type { Log } from '../model/log.ts';
import { isReplicatorError, ReplicatorError } from '../model/replicator-error.ts';
import { connectionTrouble } from './connection-trouble.ts';
import { ntfyHint, type TopicVariable } from './ntfy-hint.ts';
import { type Addressee, type RequestAddress, requestAddress } from './request-address.ts';

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
	readonly fetch: typeof globalThis.fetch;
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
	const { fetch, log, variable, timeoutMs = TIMEOUT_MS, retryDelayMs = RETRY_DELAY_MS } = options;
	const address = requestAddress(options.topic);
	let warnedOf: string | null = null;

	return {
		async send({ headers, body, kind }) {
			const request = {
				method: 'POST',
				headers: { ...address.headers, 'Content-Type': 'text/plain; charset=utf-8', ...headers },
				body,
				// A followed redirect turns a POST into a GET, which ntfy answers well, and nothing has been sent.
				redirect: 'manual',
			} as const;
			try {
				await pRetry(() => attempt({ fetch, address, request, timeoutMs, variable }), {
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
	readonly fetch: typeof globalThis.fetch;
	readonly address: RequestAddress;
	readonly request: RequestInit;
	readonly timeoutMs: number;
	readonly variable: TopicVariable;
}): Promise<void> {
	const { address, timeoutMs, variable } = call;
	let response: Response;
	try {
		response = await call.fetch(address.url, { ...call.request, signal: AbortSignal.timeout(timeoutMs) });
		await response.body?.cancel();
	} catch (error) {
		throw new ReplicatorError(`${address.place} ${connectionTrouble(error, timeoutMs)}`, {
			code: 'notice-failed',
			hint: `Check the server in ${variable}, and that this machine can reach it.`,
			isRetryable: true,
		});
	}
	if (response.ok) return;
	throw new ReplicatorError(`${address.place} answered with HTTP status ${response.status}`, {
		code: 'notice-failed',
		hint: ntfyHint(response.status, variable),
		isRetryable: response.status === 429 || response.status >= 500,
	});
}
