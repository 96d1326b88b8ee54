import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { createLineReader } from './line-reader.ts';

type TooLong = Parameters<typeof createLineReader>[0]['tooLong'];

function linesOf(chunks: readonly (string | Uint8Array)[], options: { bytesMax: number; tooLong: TooLong }) {
	const lines: string[] = [];
	const reader = createLineReader({ ...options, onLine: (line) => lines.push(line) });
	for (const chunk of chunks) reader.read(Buffer.from(chunk));
	return { lines, reader };
}

/** The same bytes in pieces of that size. */
function piecesOf(text: string, size: number): Uint8Array[] {
	const bytes = Buffer.from(text);
	return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
		bytes.subarray(index * size, (index + 1) * size),
	);
}

describe('lines', () => {
	test('come out whole and in order, however the bytes are cut', () => {
		fc.assert(
			fc.property(
				fc.array(fc.string({ unit: 'grapheme' }).filter((line) => !line.includes('\n'))),
				fc.integer({ min: 1, max: 7 }),
				(lines, size) => {
					const text = lines.map((line) => `${line}\n`).join('');

					expect(linesOf(piecesOf(text, size), { bytesMax: 10_000, tooLong: 'stop' }).lines).toEqual(lines);
				},
			),
		);
	});

	test.each([
		['stop', ['1234']],
		['skip', ['1234', '1', '']],
		['cut', ['1234', '1234', '1', '']],
	] as const)('of which one is too long: %s', (tooLong, expected) => {
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 20 }), (size) => {
				const onTooLong = vi.fn();
				const lines: string[] = [];
				const reader = createLineReader({
					bytesMax: 4,
					tooLong,
					onTooLong,
					onLine: (line) => lines.push(line),
				});

				for (const piece of piecesOf('1234\n12345678\n1\n\n', size)) reader.read(piece);

				expect(lines).toEqual(expected);
				expect(onTooLong).toHaveBeenCalledOnce();
			}),
		);
	});

	test('the rest of a stream is a line when it is over, whole or cut', () => {
		const whole = linesOf(['a\nrest'], { bytesMax: 9, tooLong: 'cut' });
		const cut = linesOf(['a\nrest that is long'], { bytesMax: 9, tooLong: 'cut' });
		const none = linesOf(['a\n'], { bytesMax: 9, tooLong: 'cut' });

		for (const { reader } of [whole, cut, none]) reader.end();

		expect([whole.lines, cut.lines, none.lines]).toEqual([['a', 'rest'], ['a', 'rest that'], ['a']]);
	});

	test('a line without an end costs no memory beyond its bound', { timeout: 60_000 }, () => {
		const chunk = Buffer.alloc(1024 * 1024, 'x');
		const reader = createLineReader({
			bytesMax: 1_000,
			tooLong: 'skip',
			onLine: () => expect.fail('no end'),
		});
		const before = process.memoryUsage().arrayBuffers;

		for (let count = 0; count < 512; count += 1) reader.read(Buffer.from(chunk));

		globalThis.gc?.();
		expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(256 * 1024 * 1024);
	});

	test('a line that drips costs no more memory than one that pours', { timeout: 60_000 }, () => {
		const bytesMax = 4 * 1024 * 1024;
		const reader = createLineReader({ bytesMax, tooLong: 'stop', onLine: () => expect.fail('no end') });
		const before = process.memoryUsage();

		for (let count = 0; count < bytesMax; count += 1) reader.read(Buffer.from('x'));

		const after = process.memoryUsage();
		globalThis.gc?.();
		expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(64 * 1024 * 1024);
		expect(after.heapUsed - before.heapUsed).toBeLessThan(256 * 1024 * 1024);
	});
});
