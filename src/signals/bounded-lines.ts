const NEWLINE = 10;

/**
 * Cuts a stream of bytes into lines. A line of more than `bytesMax` is skipped, and costs no more memory than that:
 * strangers may write what they like, and what comes after it must be heard.
 * @returns what takes the bytes.
 */
export function boundedLines(options: {
	readonly bytesMax: number;
	readonly onLine: (line: string) => void;
}): (chunk: Uint8Array) => void {
	const { bytesMax, onLine } = options;
	let pending: Uint8Array[] = [];
	let pendingBytes = 0;

	const append = (part: Uint8Array) => {
		pendingBytes += part.length;
		if (pendingBytes > bytesMax) pending = [];
		else pending.push(part);
	};
	const end = () => {
		if (pendingBytes <= bytesMax) onLine(Buffer.concat(pending).toString('utf8'));
		pending = [];
		pendingBytes = 0;
	};
	return (chunk) => {
		let start = 0;
		for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, start)) {
			append(chunk.subarray(start, at));
			end();
			start = at + 1;
		}
		if (start < chunk.length) append(chunk.subarray(start));
	};
}
