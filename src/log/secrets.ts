/** Shorter values would be found in innocent words, and hide nothing that cannot be guessed. */
const SECRET_LENGTH_MIN = 4;
const MASK = '***';

/** Every form in which a registered secret is looked for. */
const forms = new Set<string>();

/**
 * Lets `maskSecrets` hide a value from now on, for as long as the process lives. Values of fewer than four
 * characters are not registered.
 */
export function registerSecret(value: string): void {
	if (value.length < SECRET_LENGTH_MIN) {
		return;
	}
	forms.add(value);
	// As JSON, and our own log, escape it.
	forms.add(JSON.stringify(value).slice(1, -1));
	const url = new URL('http://host');
	url.password = value;
	// As the parts of a URL are encoded, as forms are, and by programs that write the digits in lower case.
	const encodings = [url.password, encodeURIComponent(value.toWellFormed()), encodeFormValue(value)];
	for (const encoding of encodings) {
		forms.add(encoding);
		forms.add(encoding.replaceAll(/%[0-9A-F]{2}/g, (encoded) => encoded.toLowerCase()));
	}
}

/**
 * @returns `text` with `***` in place of every registered secret, also where it is URL-encoded or escaped as in
 * JSON. Secrets that overlap become one `***`.
 */
export function maskSecrets(text: string): string {
	const found = Array.from(forms)
		.flatMap((form) => occurrences(text, form))
		.sort((a, b) => a.start - b.start);
	let masked = '';
	let end = 0;
	for (const range of found) {
		if (range.start >= end) {
			masked += text.slice(end, range.start) + MASK;
		}
		end = Math.max(end, range.end);
	}
	return masked + text.slice(end);
}

/**
 * @returns the beginning of a text that may be very long, masked, with `…` where it was cut. No more of it is looked at
 * than is needed.
 */
export function maskBeginning(text: string, lengthMax: number): string {
	const lookedAt = text.slice(0, 8 * lengthMax);
	const masked = maskSecrets(lookedAt);
	if (lookedAt.length === text.length && masked.length <= lengthMax) return masked;
	// Where it was cut, a secret may have been cut in half, too.
	const longest = Math.max(0, ...Array.from(forms, (form) => form.length));
	const known = lookedAt.length === text.length ? masked.length : masked.length - longest;
	return `${masked.slice(0, Math.max(0, Math.min(lengthMax, known)))}…`;
}

function occurrences(text: string, form: string): { start: number; end: number }[] {
	const ranges: { start: number; end: number }[] = [];
	let start = text.indexOf(form);
	while (start !== -1) {
		ranges.push({ start, end: start + form.length });
		// One on: a secret may overlap itself, and half of it must not stay.
		start = text.indexOf(form, start + 1);
	}
	return ranges;
}

function encodeFormValue(value: string): string {
	return new URLSearchParams({ v: value }).toString().slice('v='.length);
}
