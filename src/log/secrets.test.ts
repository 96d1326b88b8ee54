import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { maskSecrets, registerSecret } from './secrets.ts';

/** Secrets of this file are made of letters that its other texts do not have, for they stay registered. */
const secret = fc
	.array(fc.constantFrom(...'QXZJ&/?%+= "\\\n{}€🔑ß'), { minLength: 4, maxLength: 30 })
	.map((characters) => characters.join(''))
	.filter((text) => /[QXZJ€🔑ß]/u.test(text));
const surroundings = fc
	.array(fc.constantFrom(...'abc <>:;.'), { maxLength: 20 })
	.map((letters) => letters.join(''));

describe('maskSecrets', () => {
	test.each([
		['as it is', (value: string) => value],
		['encoded as a part of a URL', encodeURIComponent],
		[
			'encoded with digits in lower case',
			(value: string) => encodeURIComponent(value).replace(/%../g, lowerCase),
		],
		['encoded as a form', (value: string) => new URLSearchParams([[value, '']]).toString().slice(0, -1)],
		['as the password of a URL', passwordInUrl],
		['escaped as in JSON', (value: string) => JSON.stringify(value).slice(1, -1)],
	])('a secret is gone wherever it stands, %s', (_form, write) => {
		fc.assert(
			fc.property(secret, surroundings, surroundings, (value, before, after) => {
				registerSecret(value);

				const masked = maskSecrets(`${before}${write(value)}${after}${write(value)}`);

				expect(masked).not.toContain(write(value));
				expect(masked.startsWith(before)).toBe(true);
				expect(masked).toContain('***');
			}),
		);
	});

	test('text without a secret stays as it is', () => {
		registerSecret('the-only-secret');
		fc.assert(
			fc.property(surroundings, (text) => {
				expect(maskSecrets(text)).toBe(text);
			}),
		);
	});

	test('what is left and right of a secret stays', () => {
		registerSecret('hunter-two');

		expect(maskSecrets('login hunter-two failed, hunter-two!')).toBe('login *** failed, ***!');
	});

	test('of two secrets that overlap, none leaves a part behind', () => {
		registerSecret('abcd-efgh');
		registerSecret('efgh-ijkl');

		expect(maskSecrets('<abcd-efgh-ijkl>')).toBe('<***>');
	});

	test('a secret inside another one does not end its mask early', () => {
		registerSecret('inner');
		registerSecret('an inner secret');

		expect(maskSecrets('it is an inner secret.')).toBe('it is ***.');
	});

	test('a secret that overlaps itself leaves nothing behind', () => {
		registerSecret('toto-toto');

		expect(maskSecrets('(toto-toto-toto)')).toBe('(***)');
	});

	test('a value of fewer than four characters is not hidden', () => {
		registerSecret('vwy');

		expect(maskSecrets('vwy')).toBe('vwy');
	});

	test('a secret that is no valid text is hidden and harms nothing', () => {
		registerSecret('half \ud83d of a pair');

		expect(maskSecrets('half \ud83d of a pair')).toBe('***');
	});
});

function lowerCase(text: string): string {
	return text.toLowerCase();
}

function passwordInUrl(value: string): string {
	const url = new URL('https://host/');
	url.password = value;
	return url.password;
}
