import { stripVTControlCharacters } from 'node:util';
import { createLineReader } from '../../wire/line-reader.ts';

/**
 * A line holds a path, an address and a reason; what is longer comes from a storage that puts more into its answers than
 * anybody needs to read.
 */
const LINE_BYTES_MAX = 4 * 1024;
/** Of a file that says the same a million times, its beginning and its end tell all. */
const HALF_LENGTH_MAX = 128 * 1024;

/**
 * Reads what restic writes to its error output, as plain text and bounded in every way, before any pattern sees it.
 * @param onLine called with each finished line, as long as restic runs.
 * @returns what gives the whole of it, or its beginning and its end, once restic has ended.
 */
export function readComplaints(stream: NodeJS.ReadableStream, onLine: (line: string) => void): () => string {
	const beginning: string[] = [];
	let beginningLength = 0;
	let end: string[] = [];
	let endLength = 0;

	const reader = createLineReader({
		bytesMax: LINE_BYTES_MAX,
		tooLong: 'cut',
		onLine: (raw) => {
			const line = stripVTControlCharacters(raw);
			onLine(line);
			if (beginningLength < HALF_LENGTH_MAX) {
				beginning.push(line);
				beginningLength += line.length + 1;
				return;
			}
			end.push(line);
			endLength += line.length + 1;
			// Twice the length before it is cut, so that each line is moved once at the most.
			if (endLength > 2 * HALF_LENGTH_MAX) shorten();
		},
	});
	stream.on('data', reader.read);

	function shorten(): void {
		let kept = end.length;
		for (endLength = 0; kept > 0 && endLength <= HALF_LENGTH_MAX; kept -= 1)
			endLength += (end[kept - 1] ?? '').length + 1;
		end = end.slice(kept);
	}

	return () => {
		reader.end();
		shorten();
		return [...beginning, ...end].join('\n');
	};
}
