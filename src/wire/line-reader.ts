const NEWLINE = 10;
/** What is kept at hand for the beginning of a line. */
const BUFFER_BYTES = 1_024;

export interface LineReader {
	/** Takes the next bytes. */
	read(chunk: Uint8Array): void;
	/** The stream is over: what came after the last end of a line is a line as well. */
	end(): void;
}

/**
 * Cuts a stream of bytes into lines. Whoever writes it may write what he likes: a line costs no more memory than
 * `bytesMax`, and each byte is looked at once, in however small pieces it comes. Nothing may be read out of such a stream,
 * and no pattern tried on it, but out of the finished lines that come from here.
 * @param options.onLine called with each line, without its end.
 * @param options.onTooLong called as soon as a line is longer than `bytesMax`. What to do with it: `stop` reads nothing
 * after that, `skip` leaves that line out, `cut` calls `onLine` with its beginning.
 */
export function createLineReader(options: {
	readonly bytesMax: number;
	readonly onLine: (line: string) => void;
	readonly tooLong: 'stop' | 'skip' | 'cut';
	readonly onTooLong?: () => void;
}): LineReader {
	const { bytesMax, onLine, tooLong, onTooLong } = options;
	let buffer = Buffer.allocUnsafe(BUFFER_BYTES);
	let length = 0;
	let isTooLong = false;
	let isStopped = false;

	function append(part: Uint8Array): void {
		if (isTooLong) return;
		const taken = Math.min(part.length, bytesMax - length);
		if (length + taken > buffer.length) {
			const larger = Buffer.allocUnsafe(Math.min(Math.max(buffer.length * 2, length + taken), bytesMax));
			buffer.copy(larger, 0, 0, length);
			buffer = larger;
		}
		buffer.set(part.subarray(0, taken), length);
		length += taken;
		if (taken === part.length) return;
		isTooLong = true;
		isStopped = tooLong === 'stop';
		onTooLong?.();
	}

	function finish(): void {
		const isLeftOut = isTooLong && tooLong !== 'cut';
		const line = isLeftOut ? '' : buffer.toString('utf8', 0, length);
		length = 0;
		isTooLong = false;
		// A long line was an exception.
		if (buffer.length > BUFFER_BYTES) buffer = Buffer.allocUnsafe(BUFFER_BYTES);
		if (!isLeftOut) onLine(line);
	}

	return {
		read(chunk) {
			let start = 0;
			while (!isStopped) {
				const end = chunk.indexOf(NEWLINE, start);
				append(chunk.subarray(start, end < 0 ? chunk.length : end));
				if (end < 0 || isStopped) return;
				finish();
				start = end + 1;
			}
		},
		end() {
			if (!isStopped && (length > 0 || isTooLong)) finish();
		},
	};
}
