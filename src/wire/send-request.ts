import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import type { Writable } from 'node:stream';

export interface Answer {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	/** Whoever does not read it to its end destroys it. Reading throws the signal's reason once that is aborted. */
	readonly body: IncomingMessage;
}

export interface RequestParts {
	readonly method?: 'GET' | 'POST';
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string;
	/** The Unix socket of a server on this machine, whatever host the address names. */
	readonly socketPath?: string;
	/** Ends the request and the reading of its answer. */
	readonly signal: AbortSignal;
	/** A POST becomes a GET there, as with browsers. Otherwise a redirect is an answer as any. */
	readonly followsRedirects?: boolean;
}

export function isSuccess({ status }: Answer): boolean {
	return status >= 200 && status < 300;
}

/**
 * Sends one request over HTTP or HTTPS, on a connection of its own. Node's own client and not `fetch`: what fetch brings
 * along takes 10 MB for as long as the process lives, an eighth of all that an idle instance takes.
 * @throws the signal's reason, and what Node throws for a server that does not answer: an Error with a `code`.
 */
export async function sendRequest(url: URL, request: RequestParts): Promise<Answer> {
	const { method = 'GET', body, signal, socketPath } = request;
	const { request: start } = await clientOf(url, request.followsRedirects ?? false);
	signal.throwIfAborted();
	return new Promise((resolve, reject) => {
		const outgoing = start(url, {
			method,
			agent: false,
			...(socketPath === undefined ? {} : { socketPath }),
			headers: {
				'user-agent': 'replicator-kuma',
				...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
				...request.headers,
			},
		});
		let incoming: IncomingMessage | null = null;
		const abort = () => {
			const reason = signal.reason as Error;
			reject(reason);
			incoming?.destroy(reason);
			outgoing.destroy(reason);
		};
		const forget = () => signal.removeEventListener('abort', abort);
		signal.addEventListener('abort', abort);
		outgoing.on('error', (error) => {
			forget();
			reject(error);
		});
		// An answer that wants another protocol is none, and Node ends it without a word.
		outgoing.once('close', () => {
			if (incoming !== null) return;
			forget();
			reject(new Error('the connection ended without an answer'));
		});
		outgoing.on('response', (message: IncomingMessage) => {
			incoming = message;
			// Without a listener the stream forgets why it broke before anybody reads it.
			message.on('error', () => undefined);
			message.once('close', forget);
			resolve({ status: message.statusCode ?? 0, headers: message.headers, body: message });
		});
		outgoing.end(body);
	});
}

/** What is needed is loaded when it is needed: TLS and redirects are not for everybody. */
async function clientOf(
	{ protocol }: URL,
	followsRedirects: boolean,
): Promise<{ request: (url: URL, options: RequestOptions) => Writable }> {
	if (followsRedirects) {
		const { default: following } = await import('follow-redirects');
		return protocol === 'https:' ? following.https : following.http;
	}
	return protocol === 'https:' ? import('node:https') : import('node:http');
}
