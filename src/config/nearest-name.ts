import { closest } from 'fastest-levenshtein';

/** @returns the one of `names` (at least one) that `written` most likely meant; upper and lower case are alike. */
export function nearestName(written: string, names: readonly [string, ...string[]]): string {
	// The distance takes time in proportion to both lengths, and nobody means anything by the 65th character.
	const nearest = closest(
		written.slice(0, 64).toLowerCase(),
		names.map((name) => name.toLowerCase()),
	);
	return names.find((name) => name.toLowerCase() === nearest) ?? names[0];
}
