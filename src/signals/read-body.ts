/**
 * Reads the body of an answer until it ends or `signal` is aborted.
 *
 * The signal that `fetch` was given is not enough for that: once the answer is there, fetch listens through an object
 * that may be collected as garbage (seen on Node 22.23), and then a connection that is given up goes on for ever.
 * @throws the signal's reason when it is aborted, and what fetch throws when the connection breaks.
 */
export async function* readBody(
	body: ReadableStream<Uint8Array>,
	signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
	const reader = body.getReader();
	// A stream that is broken already says so when it is read.
	const cancel = () => void reader.cancel().catch(() => undefined);
	signal.addEventListener('abort', cancel, { once: true });
	try {
		for (;;) {
			signal.throwIfAborted();
			const { done, value } = await reader.read();
			signal.throwIfAborted();
			if (done) return;
			yield value;
		}
	} finally {
		signal.removeEventListener('abort', cancel);
		cancel();
	}
}
