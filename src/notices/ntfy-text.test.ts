import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { asciiHeader, cutToBytes } from './ntfy-text.ts';

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', maxLength: 400 }));

describe('asciiHeader', () => {
	test('any text becomes a value that a header takes', () => {
		fc.assert(
			fc.property(anyText, (text) => {
				const header = asciiHeader(text);

				expect(header).toMatch(/^[\x20-\x7e]{0,200}$/);
				expect(new Headers({ Title: header }).get('Title')).toBe(header);
			}),
		);
	});

	test('plain text stays as it is, accents go, and what cannot be written is a question mark', () => {
		expect(asciiHeader('Snapshot held: 3 of 4')).toBe('Snapshot held: 3 of 4');
		expect(asciiHeader('Gerät 🔑\r\nX-Evil: 1')).toBe('Gerat ? X-Evil: 1');
	});
});

describe('cutToBytes', () => {
	test('the result fits, is valid, and is the beginning of the text', () => {
		fc.assert(
			fc.property(anyText, fc.integer({ min: 3, max: 200 }), (text, bytesMax) => {
				const cut = cutToBytes(text, bytesMax);

				expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(bytesMax);
				if (cut !== text) {
					expect(cut.endsWith('…')).toBe(true);
					expect(text.toWellFormed().startsWith(cut.slice(0, -1))).toBe(true);
					expect(Buffer.byteLength(cut)).toBeGreaterThan(bytesMax - 4);
				}
			}),
		);
	});

	test('text that fits stays as it is', () => {
		expect(cutToBytes('ä'.repeat(2_000), 4_000)).toBe('ä'.repeat(2_000));
		expect(cutToBytes('🔑🔑', 7)).toBe('🔑…');
	});
});
