import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SnapshotContent } from '../model/snapshot.ts';
import { encodeContent } from './encode.ts';

const content = (rows: readonly (readonly [number, string | null])[], timezone = 'UTC'): SnapshotContent => ({
	databaseKind: 'sqlite',
	timezone,
	tables: [
		{
			name: 'tag',
			columns: [
				{ name: 'id', declared: 'INTEGER', isNullable: false },
				{ name: 'name', declared: 'TEXT', isNullable: true },
			],
			key: ['id'],
			rows,
		},
	],
	files: [{ path: 'upload/logo1.png', content: new Uint8Array([1, 2, 3]) }],
});

test('two contents have the same digest exactly when they are the same', () => {
	const rows = fc.array(fc.tuple(fc.integer(), fc.option(fc.string({ maxLength: 3 }))), { maxLength: 3 });

	fc.assert(
		fc.property(rows, rows, (left, right) => {
			const isSame = JSON.stringify(left) === JSON.stringify(right);

			expect(encodeContent(content(left)).digest === encodeContent(content(right)).digest).toBe(isSame);
		}),
	);
});

test('NULL, an empty text and the text "null" give three digests', () => {
	const digests = [null, '', 'null'].map((name) => encodeContent(content([[1, name]])).digest);

	expect(new Set(digests).size).toBe(3);
});

test('the leader’s time zone and the bytes of a file are part of the digest', () => {
	const plain = content([]);
	const otherFile = { ...plain, files: [{ path: 'upload/logo1.png', content: new Uint8Array([1, 2, 4]) }] };

	const digests = [plain, content([], 'Asia/Tokyo'), otherFile].map((one) => encodeContent(one).digest);

	expect(new Set(digests).size).toBe(3);
});
