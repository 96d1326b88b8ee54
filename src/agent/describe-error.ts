/** Long enough for every message that says something, and short enough for a notice. */
const LENGTH_MAX = 200;
const STATEMENT = /^\s*(?:insert|update|delete|select|replace|begin|commit|with)\b/i;
/** Between a statement and what the database says of it, as knex writes it. */
const SEPARATOR = ' - ';

/**
 * Says in one line what went wrong, without what was written: a statement that fails is quoted with its values, which
 * may be secrets, and an address may have a password in it.
 */
export function describeError(error: unknown): string {
	const { name, message } = readError(error);
	const said = withoutStatement(message).slice(0, LENGTH_MAX * 4);
	const line = said.split('\n', 1)[0] ?? '';
	const shown = line.replace(/:\/\/[^\s/@]{1,200}@/g, '://***@');
	return `${name === '' || name === 'Error' ? '' : `${name}: `}${shown}`.slice(0, LENGTH_MAX).trim();
}

/** Anything can be thrown: a message that is no text, or one that throws itself when it is read. */
function readError(error: unknown): { readonly name: string; readonly message: string } {
	if (typeof error === 'string') return { name: '', message: error };
	try {
		if (!(error instanceof Error)) return { name: '', message: typeof error };
		const { name, message }: { readonly name: unknown; readonly message: unknown } = error;
		return {
			name: typeof name === 'string' ? name : '',
			message: typeof message === 'string' ? message : typeof message,
		};
	} catch {
		return { name: '', message: 'an error that cannot be read' };
	}
}

function withoutStatement(message: string): string {
	if (!STATEMENT.test(message.slice(0, 100))) return message;
	const end = message.lastIndexOf(SEPARATOR);
	return end < 0 ? 'a statement failed' : message.slice(end + SEPARATOR.length);
}
