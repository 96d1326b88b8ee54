import pRetry from 'p-retry';

import type { Log } from '../model/log.ts';
import { isReplicatorError, ReplicatorError } from '../model/replicator-error.ts';
import { asciiHeader, cutToBytes } from './ntfy-text.ts';

export type NoticeKind = 'published' | 'applied' | 'held' | 'failed' | 'recovered' | 'info';

export interface Notice {
	readonly kind: NoticeKind;
	readonly title?: string;
	readonly message: string;
	/** What tells one trouble from another: a `failed` notice with the same code is not repeated. */
	readonly code?: string;
}

export type NoticeReport =
	| { readonly outcome: 'sent' }
	/** The same trouble was told already, and nothing else has been since. */
	| { readonly outcome: 'repeated' }
	| { readonly outcome: 'failed'; readonly error: ReplicatorError }
	/** There is nowhere to send it to. */
	| { readonly outcome: 'off' };

/** Tells people what happened. `send` never rejects because of the server: replication goes on without notices. */
export interface Notices {
	send(notice: Notice): Promise<NoticeReport>;
}

export interface NoticesOptions {
	/** A topic's address, with or without a user name and password in it, or null to send nothing. */
	readonly ntfy: { readonly url: string; readonly token?: string } | null;
	/** Stands in front of every message. */
	readonly hostname: string;
	readonly fetch: typeof globalThis.fetch;
	readonly log: Log;
	/** Hides secrets in what is sent: a topic on a public server can be read by whoever guesses its name. */
	readonly mask?: (text: string) => string;
	/** How long one attempt may take. */
	readonly timeoutMs?: number;
	/** How long to wait before the first retry; twice as long before the second. */
	readonly retryDelayMs?: number;
}

/** ntfy turns a message of more than 4,096 bytes into an attachment. */
const MESSAGE_BYTES_MAX = 4_000;
const TIMEOUT_MS = 10_000;
const RETRIES_MAX = 2;
const RETRY_DELAY_MS = 1_000;

/** How each kind looks on a phone; 3 is ntfy's normal priority, and tags are emoji by name. */
const APPEARANCES = {
	published: { title: 'Snapshot published', priority: '2', tags: 'outbox_tray' },
	applied: { title: 'Snapshot applied', priority: '2', tags: 'inbox_tray' },
	held: { title: 'Snapshot held', priority: '4', tags: 'raised_hand' },
	failed: { title: 'Replication failed', priority: '4', tags: 'rotating_light' },
	recovered: { title: 'Replication recovered', priority: '3', tags: 'white_check_mark' },
	info: { title: 'Replicator Kuma', priority: '3', tags: 'information_source' },
} as const satisfies Record<NoticeKind, { title: string; priority: string; tags: string }>;

/** @returns notices that go to an ntfy topic. */
export function createNotices(options: NoticesOptions): Notices {
	const { ntfy, log } = options;
	if (ntfy === null) {
		return { send: async () => ({ outcome: 'off' }) };
	}
	const target = targetOf(ntfy);
	const mask = options.mask ?? ((text: string) => text);
	let toldCode: string | null = null;
	let warnedOf: string | null = null;

	return {
		async send(notice) {
			const code = notice.kind === 'failed' ? (notice.code ?? '') : null;
			if (code !== null && code === toldCode) {
				return { outcome: 'repeated' };
			}
			const appearance = APPEARANCES[notice.kind];
			const request = {
				method: 'POST',
				headers: {
					...target.headers,
					'Content-Type': 'text/plain; charset=utf-8',
					Title: asciiHeader(mask(notice.title ?? appearance.title)),
					Priority: appearance.priority,
					Tags: appearance.tags,
				},
				body: cutToBytes(mask(`[${options.hostname}] ${notice.message}`), MESSAGE_BYTES_MAX),
				// A followed redirect turns a POST into a GET, which ntfy answers well, and nothing has been sent.
				redirect: 'manual',
			} as const;
			try {
				await pRetry(() => attempt({ ...options, url: target.url, request }), {
					retries: RETRIES_MAX,
					minTimeout: options.retryDelayMs ?? RETRY_DELAY_MS,
					shouldRetry: ({ error }) => isReplicatorError(error) && error.isRetryable,
				});
			} catch (error) {
				if (!isReplicatorError(error, 'notice-failed')) {
					throw error;
				}
				// One warning is enough for a server that stays away for a week.
				const level = warnedOf === error.message ? 'debug' : 'warning';
				warnedOf = error.message;
				log[level]('A notice could not be sent.', { kind: notice.kind, error });
				return { outcome: 'failed', error };
			}
			warnedOf = null;
			if (code !== null || notice.kind === 'recovered') {
				toldCode = code;
			}
			return { outcome: 'sent' };
		},
	};
}

/** The topic's address without credentials, which `fetch` refuses, and the headers that carry them instead. */
function targetOf(ntfy: { readonly url: string; readonly token?: string }): {
	url: URL;
	headers: Record<string, string>;
} {
	const url = new URL(ntfy.url);
	const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
	url.username = '';
	url.password = '';
	if (ntfy.token !== undefined) {
		return { url, headers: { Authorization: `Bearer ${ntfy.token}` } };
	}
	const headers = { Authorization: `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}` };
	return { url, headers: credentials === ':' ? {} : headers };
}

/** @throws ReplicatorError `notice-failed`, retryable where another attempt may do better. */
async function attempt(call: {
	fetch: typeof globalThis.fetch;
	url: URL;
	request: RequestInit;
	timeoutMs?: number;
}): Promise<void> {
	const timeoutMs = call.timeoutMs ?? TIMEOUT_MS;
	// Nothing but the origin may be told: who knows the topic can read it.
	const place = `${call.url.origin}/***`;
	let response: Response;
	try {
		response = await call.fetch(call.url, { ...call.request, signal: AbortSignal.timeout(timeoutMs) });
		await response.body?.cancel();
	} catch (error) {
		const reason =
			error instanceof Error && error.name === 'TimeoutError'
				? `did not answer within ${timeoutMs / 1000} s`
				: `cannot be reached (${connectionErrorOf(error)})`;
		throw new ReplicatorError(`${place} ${reason}`, {
			code: 'notice-failed',
			hint: 'Check the server in NTFY_URL, and that this machine can reach it.',
			isRetryable: true,
		});
	}
	if (response.ok) {
		return;
	}
	throw new ReplicatorError(`${place} answered with HTTP status ${response.status}`, {
		code: 'notice-failed',
		hint: hintFor(response.status),
		isRetryable: response.status === 429 || response.status >= 500,
	});
}

/** @returns the system's code of a failed connection; messages may quote the address. */
function connectionErrorOf(error: unknown): string {
	const cause = error instanceof Error ? (error.cause ?? error) : error;
	if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') {
		return cause.code;
	}
	return cause instanceof Error ? cause.name : 'unknown reason';
}

function hintFor(status: number): string {
	if (status === 401 || status === 403) {
		return 'Check NTFY_TOKEN, or the user name and password in NTFY_URL, and that they may write to the topic.';
	}
	if (status === 429) {
		return 'The server limits how many messages it takes. Use an account or a server of your own.';
	}
	if (status >= 300 && status < 400) {
		return 'Write the address that the server redirects to into NTFY_URL; it may be https:// instead of http://.';
	}
	if (status >= 500) {
		return 'The ntfy server is in trouble. Look at its log.';
	}
	return "Check that NTFY_URL is the address of a topic, such as ntfy.sh/ and the topic's name.";
}
