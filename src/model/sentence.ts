/** @returns the text with a full stop at its end, unless something else ends it. */
export function sentence(text: string): string {
	return /[.!?:]$/.test(text) ? text : `${text}.`;
}
