import type { Value } from '../model/row.ts';

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * @param text a column's default as the database prints it: `'abc'`, `'0'`, `1`, `NULL`, `current_timestamp()`.
 * @returns the value that a new row gets, or undefined when there is none, or when an expression makes it.
 */
export function parseDefault(
	text: string | null,
	column: { readonly isNumeric: boolean },
): Value | undefined {
	if (text === null || /^null$/i.test(text)) return undefined;
	const quoted = /^'(.*)'$/s.exec(text)?.[1] ?? /^"(.*)"$/s.exec(text)?.[1];
	const literal = quoted?.replaceAll("''", "'") ?? text;
	if (NUMBER.test(literal) && (quoted === undefined || column.isNumeric)) return Number(literal);
	return quoted === undefined ? undefined : literal;
}
