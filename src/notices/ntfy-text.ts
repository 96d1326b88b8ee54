const HEADER_LENGTH_MAX = 200;
const ELLIPSIS = '…';

/**
 * @returns `text` as a header's value can carry it everywhere: printable ASCII, with accents taken off letters and
 * `?` for every other character.
 */
export function asciiHeader(text: string): string {
	return text
		.normalize('NFKD')
		.replaceAll(/\p{M}/gu, '')
		.replaceAll(/\s+/g, ' ')
		.replaceAll(/[^\x20-\x7e]/gu, '?')
		.slice(0, HEADER_LENGTH_MAX)
		.trim();
}

/** @returns `text` in UTF-8, cut between two characters and with an ellipsis if it has more than `bytesMax` bytes. */
export function cutToBytes(text: string, bytesMax: number): string {
	const bytes = Buffer.from(text, 'utf8');
	if (bytes.length <= bytesMax) {
		return text;
	}
	let end = bytesMax - Buffer.byteLength(ELLIPSIS);
	// 10xxxxxx goes on with a character that began before it.
	while (end > 0 && ((bytes[end] ?? 0) & 0b1100_0000) === 0b1000_0000) {
		end -= 1;
	}
	return bytes.toString('utf8', 0, end) + ELLIPSIS;
}
