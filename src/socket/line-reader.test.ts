import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { createLineReader } from './line-reader.ts';

test('lines come out whole and in order, however the bytes are cut', () => {
	fc.assert(
		fc.property(
			fc.array(fc.string({ unit: 'grapheme' }).filter((line) => !line.includes('\n'))),
			fc.integer({ min: 1, max: 7 }),
			(lines, size) => {
				const read: string[] = [];
				const reader = createLineReader({
					bytesMax: 10_000,
					onLine: (line) => read.push(line),
					onTooLong: () => expect.unreachable(),
				});
				const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));

				for (let start = 0; start < bytes.length; start += size) reader(bytes.subarray(start, start + size));

				expect(read).toEqual(lines);
			},
		),
	);
});

test('a line that is too long is told once, and nothing is read after it', () => {
	const onLine = vi.fn();
	const onTooLong = vi.fn();
	const reader = createLineReader({ bytesMax: 4, onLine, onTooLong });

	reader(Buffer.from('1234\n12'));
	reader(Buffer.from('345\n1\n'));
	reader(Buffer.from('1\n'));

	expect(onLine.mock.calls).toEqual([['1234']]);
	expect(onTooLong).toHaveBeenCalledOnce();
});
