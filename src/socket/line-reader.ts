const NEWLINE = 10;

/**
 * Cuts a stream of bytes into lines.
 * @param options.onLine called with each line, without its end.
 * @param options.onTooLong called once, as soon as a line is longer than `bytesMax`; nothing is read after that.
 * @returns what takes the bytes.
 */
export function createLineReader(options: {
	readonly bytesMax: number;
	readonly onLine: (line: string) => void;
	readonly onTooLong: () => void;
}): (chunk: Buffer) => void {
	let pending: Buffer[] = [];
	let pendingBytes = 0;
	let isBroken = false;

	function append(part: Buffer): void {
		pending.push(part);
		pendingBytes += part.length;
		if (pendingBytes <= options.bytesMax) return;
		isBroken = true;
		pending = [];
		options.onTooLong();
	}

	return (chunk) => {
		let start = 0;
		while (!isBroken) {
			const end = chunk.indexOf(NEWLINE, start);
			append(chunk.subarray(start, end < 0 ? chunk.length : end));
			if (end < 0 || isBroken) return;
			const line = Buffer.concat(pending).toString('utf8');
			pending = [];
			pendingBytes = 0;
			start = end + 1;
			options.onLine(line);
		}
	};
}
