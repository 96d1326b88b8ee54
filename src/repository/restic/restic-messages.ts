const LENGTH_MAX = 600;
const LINES_MAX = 3;

const RETRY = ' returned error, retrying after ';
/** Go's stack traces, progress, and what says nothing to a person. */
const NOISE =
	/^(?:\s|(?:main|runtime|github\.com|golang\.org)[^\s:]*$|\[\d+:\d+\]|signal interrupt received|Is there a repository|the `unlock` command)/;

/** @returns what restic wrote to its error output, as lines of text; newer versions write JSON, line by line. */
export function errorLines(stderr: string): string[] {
	return stderr
		.split('\n')
		.flatMap((line) => textOf(line).split('\n'))
		.filter((line) => line.trim() !== '');
}

/**
 * @returns the end of what restic said, on one line and short enough for a message.
 * @param mask hides secrets, before anything is cut: half of one could not be recognised any more.
 */
export function summarize(stderr: string, mask: (text: string) => string): string {
	const lines = errorLines(stderr)
		.filter((line) => !NOISE.test(line))
		.map((line) =>
			reasonOf(line)
				.replace(/^Fatal: /, '')
				.trim(),
		);
	return mask([...new Set(lines)].slice(-LINES_MAX).join('; ')).slice(0, LENGTH_MAX);
}

/** @returns what restic gives as the reason for which it tries again, or the line itself. */
function reasonOf(line: string): string {
	const retry = line.lastIndexOf(RETRY);
	const reason = retry < 0 ? -1 : line.indexOf(': ', retry);
	return reason < 0 ? line : line.slice(reason + ': '.length);
}

/** @returns what follows the first notice of another attempt, or null where there is none. */
export function afterRetry(line: string): string | null {
	const retry = line.indexOf(RETRY);
	return retry < 0 ? null : line.slice(retry + RETRY.length);
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
