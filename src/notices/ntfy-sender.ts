import type { Log } from '../model/log.ts';
import type { ReplicatorError } from '../model/replicator-error.ts';
import { ntfyHint, type TopicVariable } from '../nudges/ntfy-hint.ts';
import { type Addressee, requestAddress } from '../wire/request-address.ts';
import { createDelivery } from './create-delivery.ts';

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
	const { url, headers: authorization, place } = requestAddress(options.topic);
	const deliver = createDelivery({
		place,
		log,
		complaint: 'A notice could not be sent.',
		timeoutMs,
		retries: RETRIES_MAX,
		retryDelayMs,
		unreachableHint: `Check the server in ${variable}, and that this machine can reach it.`,
		refusedHint: (status) => ntfyHint(status, variable),
	});

	return {
		async send({ headers, body, kind }) {
			const error = await deliver(
				url,
				{
					// A followed redirect turns a POST into a GET, which ntfy answers well, and nothing has been sent.
					method: 'POST',
					headers: { ...authorization, 'Content-Type': 'text/plain; charset=utf-8', ...headers },
					body,
				},
				{ kind },
			);
			return error === null ? { outcome: 'sent' } : { outcome: 'failed', error };
		},
	};
}
