import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StatementRefused } from './statement-refused.ts';

const reason = (words: string, secrets: readonly string[] = []) =>
	new StatementRefused('It was refused.', { code: 'database-write-failed', words }).reasonWithout(secrets);

describe('the reason of a refusal', () => {
	test('is in the words of the database', () => {
		expect(reason('UNIQUE constraint failed: tag.name')).toBe('UNIQUE constraint failed: tag.name');
	});

	test.each([
		["Duplicate entry 's3cret' for key 'domain'", "Duplicate entry '***' for key 'domain'"],
		["Duplicate entry 'it's mine' for key 'domain'", "Duplicate entry '***' for key 'domain'"],
		[
			"Incorrect string value: '\\xE6\\x9C\\xAC' for column `kuma`.`tag`.`name` at row 1",
			"Incorrect string value: '***' for column `kuma`.`tag`.`name` at row 1",
		],
	])('leaves out what MariaDB quotes: %s', (words, expected) => {
		expect(reason(words)).toBe(expected);
	});

	test('leaves out values of the row, also in part and in another case, and keeps the rest', () => {
		const secrets = ['{"token":"tk_AbCdEfGhIj"}', '4711', 'on'];

		expect(reason('refused on tk_abcdefgh for 4711', secrets)).toBe('refused on *** for ***');
	});

	test('is one short line, whatever it is made of', () => {
		const words = fc.string({ unit: 'binary', maxLength: 2_000 });
		fc.assert(
			fc.property(words, fc.array(words, { maxLength: 3 }), (text, secrets) => {
				const found = reason(text, secrets);

				expect(found.length).toBeLessThanOrEqual(201);
				expect(found).not.toMatch(/\p{C}/u);
			}),
		);
	});

	test('never has eight characters in a row of a secret', () => {
		const secret = fc.stringMatching(/^[A-Za-z0-9_]{8,40}$/);
		fc.assert(
			fc.property(secret, fc.nat(30), fc.string({ maxLength: 20 }), (value, from, around) => {
				const found = reason(`${around}${value.slice(from)}${around}`, [value]);

				for (let start = 0; start + 8 <= value.length; start += 1)
					if (start >= from) expect(found).not.toContain(value.slice(start, start + 8));
			}),
		);
	});

	test('is found in no time in a message, and for a value, of a megabyte', () => {
		const value = 'x'.repeat(1_000_000);
		const begun = performance.now();

		expect(reason(value, [value])).toBe('***');

		expect(performance.now() - begun).toBeLessThan(2_000);
	});
});
