import type { Value } from '../model/row.ts';

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' };

/**
 * @param text a column's default as the database prints it: `'abc'`, `'0'`, `1`, `NULL`, `current_timestamp()`.
 * @param column `isNumeric`: the column keeps a number that is written as text as a number, and any other column a
 * number as text. `hasEscapes`: a backslash in quoted text stands for something (MariaDB), not for itself (SQLite).
 * @returns the value that a new row gets, or undefined when there is none, or when an expression makes it.
 */
export function parseDefault(
	text: string | null,
	column: { readonly isNumeric: boolean; readonly hasEscapes?: boolean },
): Value | undefined {
	if (text === null || /^null$/i.test(text)) return undefined;
	const quoted = /^'((?:[^']|'')*)'$/s.exec(text)?.[1] ?? /^"([^"]*)"$/s.exec(text)?.[1];
	const unquoted = quoted?.replaceAll("''", "'");
	const literal = (column.hasEscapes === true ? unquoted?.replace(/\\(.)/gs, characterOf) : unquoted) ?? text;
	if (NUMBER.test(literal)) return column.isNumeric ? Number(literal) : literal;
	return quoted === undefined ? undefined : literal;
}

function characterOf(_escape: string, letter: string): string {
	return ESCAPES[letter] ?? letter;
}
