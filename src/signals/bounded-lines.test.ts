import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundedLines } from './bounded-lines.ts';

function linesOf(chunks: readonly Uint8Array[], bytesMax: number): string[] {
	const lines: string[] = [];
	const read = boundedLines({ bytesMax, onLine: (line) => lines.push(line) });
	for (const chunk of chunks) read(chunk);
	return lines;
}

describe('lines of bounded length', () => {
	test('a line is complete with its end, wherever the bytes were cut', () => {
		const text = fc.array(
			fc.string({ maxLength: 10 }).map((line) => line.replaceAll('a', '🔑').replaceAll('\n', ' ')),
			{ maxLength: 10 },
		);
		fc.assert(
			fc.property(text, fc.integer({ min: 1, max: 7 }), (lines, size) => {
				const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
				const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
					bytes.subarray(index * size, (index + 1) * size),
				);

				expect(linesOf(chunks, 1_000)).toEqual(lines);
			}),
		);
	});

	test('a line that is too long is skipped, and those around it are not', () => {
		const chunks = [
			'one\ntw',
			'o'.repeat(10),
			'o'.repeat(10),
			'o\nthree\n',
			'123456789\n1234567890\n',
			'rest',
		];

		expect(
			linesOf(
				chunks.map((chunk) => Buffer.from(chunk)),
				9,
			),
		).toEqual(['one', 'three', '123456789']);
	});

	test('a line without an end costs no memory beyond its bound', { timeout: 60_000 }, () => {
		const chunk = Buffer.alloc(1024 * 1024, 'x');
		const read = boundedLines({ bytesMax: 1_000, onLine: () => expect.fail('it has no end') });
		const before = process.memoryUsage().arrayBuffers;

		for (let count = 0; count < 512; count += 1) read(Buffer.from(chunk));

		globalThis.gc?.();
		expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(256 * 1024 * 1024);
	});
});
