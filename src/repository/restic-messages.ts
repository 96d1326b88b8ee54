import { stripVTControlCharacters } from 'node:util';

const LENGTH_MAX = 600;
const LINES_MAX = 3;

const RETRY = /^.* returned error, retrying after [^:]+: /;
/** Go's stack traces, progress, and what says nothing to a person. */
const NOISE =
	/^(?:\s|(?:main|runtime|github\.com|golang\.org)[^\s:]*$|\[\d+:\d+\]|signal interrupt received|Is there a repository|the `unlock` command)/;

/** @returns what restic wrote to its error output, as lines of text; newer versions write JSON, line by line. */
export function errorLines(stderr: string): string[] {
	return stderr
		.split('\n')
		.flatMap((line) => textOf(stripVTControlCharacters(line)).split('\n'))
		.filter((line) => line.trim() !== '');
}

/** @returns the end of what restic said, on one line and short enough for a message. */
export function summarize(stderr: string): string {
	const lines = errorLines(stderr)
		.filter((line) => !NOISE.test(line))
		.map((line) =>
			line
				.replace(RETRY, '')
				.replace(/^Fatal: /, '')
				.trim(),
		);
	return [...new Set(lines)].slice(-LINES_MAX).join('; ').slice(0, LENGTH_MAX);
}

function textOf(line: string): string {
	if (!line.startsWith('{')) return line;
	let parsed: unknown;
	try {
		parsed = JSON.parse(line);
	} catch {
		// Half a line, or a message that only looks like JSON: it is shown as it is.
		return line;
	}
	const { message, error, item } = parsed as {
		message?: unknown;
		error?: { message?: unknown };
		item?: unknown;
	};
	if (typeof message === 'string') return message;
	if (typeof error?.message === 'string')
		return `${typeof item === 'string' ? `${item}: ` : ''}${error.message}`;
	// restic 0.14 has an object without any text here.
	return typeof item === 'string' ? `${item} could not be read` : line;
}
