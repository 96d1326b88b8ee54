import type { Answer } from './send-request.ts';

/** Somebody answers with more than anybody wants to read. */
export class TooLargeError extends Error {}

/**
 * Reads an answer to its end, and not one byte more than is wanted.
 * @throws TooLargeError, and what reading throws.
 */
export async function readBody({ body }: Answer, bytesMax: number): Promise<Buffer> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	// Leaving the loop early destroys the connection.
	for await (const chunk of body as AsyncIterable<Buffer>) {
		bytes += chunk.length;
		if (bytes > bytesMax) throw new TooLargeError(`The answer has more than ${bytesMax} bytes.`);
		chunks.push(chunk);
	}
	return Buffer.concat(chunks);
}
