import { type ErrorDetails, ReplicatorError } from './replicator-error.ts';

/** Of the database's own words, before anything is done with them. */
const WORDS_LENGTH_MAX = 500;
const REASON_LENGTH_MAX = 200;
/** Text of this length that stands in a secret, too, is no coincidence. */
const SHARED_LENGTH_MIN = 8;
/** A shorter secret is masked only where it stands as a word of its own. */
const WORD_LENGTH_MIN = 4;
/** Nobody quotes what lies deeper in a long value. */
const SECRET_LENGTH_MAX = 256 * 1024;
const MASK = '***';

/**
 * The database refuses a statement because of what it would write, or delete: a constraint, a trigger, a character
 * set. Its own words may quote values, so they are not part of the message, and can only be had without the secrets
 * of the row that the statement is about.
 */
export class StatementRefused extends ReplicatorError {
	readonly #words: string;

	constructor(message: string, details: ErrorDetails & { readonly words: string }) {
		super(message, details);
		this.#words = details.words.slice(0, WORDS_LENGTH_MAX);
	}

	/** @returns the database's own words on one short line, without anything that stands in one of `secrets`. */
	reasonWithout(secrets: readonly string[]): string {
		const text = maskShared(maskQuoted(this.#words), secrets)
			.replace(/[\p{C}\s]+/gu, ' ')
			.trim();
		return text.length > REASON_LENGTH_MAX ? `${text.slice(0, REASON_LENGTH_MAX)}…` : text;
	}
}

/** MariaDB quotes the value that it refuses in a few of its messages; it may be cut, or written as hexadecimal codes. */
function maskQuoted(words: string): string {
	const withoutKey = maskBetween(words, /^Duplicate entry '/i, ["' for key "]);
	return maskBetween(withoutKey, /(?:incorrect|truncated) [^']*value: '/i, [
		"' for column ",
		"' for function ",
	]);
}

/** Masks what stands behind the first `beginning` and before the last of the `ends`. */
function maskBetween(words: string, beginning: RegExp, ends: readonly string[]): string {
	const found = beginning.exec(words);
	if (found === null) return words;
	const start = found.index + found[0].length;
	const lower = lowerAscii(words);
	const end = Math.max(...ends.map((each) => lower.lastIndexOf(each)));
	return end < start ? words : `${words.slice(0, start)}${MASK}${words.slice(end)}`;
}

/** Masks every stretch of `words` that stands in a secret, and every short secret that stands in `words` as a word. */
function maskShared(words: string, secrets: readonly string[]): string {
	const lower = lowerAscii(words);
	const isMasked = new Array<boolean>(words.length).fill(false);
	const stretches = new Map<string, number[]>();
	for (let start = 0; start + SHARED_LENGTH_MIN <= lower.length; start += 1) {
		const stretch = lower.slice(start, start + SHARED_LENGTH_MIN);
		stretches.set(stretch, [...(stretches.get(stretch) ?? []), start]);
	}
	const mask = (start: number, length: number) => isMasked.fill(true, start, start + length);
	for (const secret of new Set(secrets)) {
		const text = lowerAscii(secret.slice(0, SECRET_LENGTH_MAX));
		for (let start = 0; start + SHARED_LENGTH_MIN <= text.length; start += 1) {
			const stretch = text.slice(start, start + SHARED_LENGTH_MIN);
			for (const found of stretches.get(stretch) ?? []) mask(found, SHARED_LENGTH_MIN);
			stretches.delete(stretch);
		}
		if (text.length < WORD_LENGTH_MIN || text.length >= SHARED_LENGTH_MIN) continue;
		for (let at = lower.indexOf(text); at >= 0; at = lower.indexOf(text, at + 1)) {
			const isWord = !isWordCharacter(lower[at - 1]) && !isWordCharacter(lower[at + text.length]);
			if (isWord) mask(at, text.length);
		}
	}
	let masked = '';
	for (let index = 0; index < words.length; index += 1) {
		if (isMasked[index] !== true) masked += words[index];
		else if (isMasked[index - 1] !== true) masked += MASK;
	}
	return masked;
}

function isWordCharacter(character: string | undefined): boolean {
	return character !== undefined && /[\p{L}\p{N}_]/u.test(character);
}

/** Each letter keeps its place, which `toLowerCase` does not promise. */
function lowerAscii(text: string): string {
	return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
