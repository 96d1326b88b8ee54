import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Value } from '../model/row.ts';
import type { Origin, SnapshotContent } from '../model/snapshot.ts';
import { digestOf } from './digest.ts';
import { encodeContent, makeManifest } from './encode.ts';

const value: fc.Arbitrary<Value> = fc.oneof(
	fc.constantFrom<Value>(
		null,
		'',
		'null',
		'0',
		0,
		'1',
		1,
		1.5,
		'1.5',
		2 ** 63,
		2n ** 62n,
		new Uint8Array(),
		'\u0000',
	),
	fc.constantFrom<Value>(
		'"',
		'\r\n',
		'\r',
		'"1"',
		'AAE=',
		new Uint8Array([0, 1]),
		'{"base64":"AAE="}',
		Infinity,
	),
	fc.string({ unit: 'binary', maxLength: 5 }),
	fc.double({ noNaN: true }).map((real) => (real === 0 ? 0 : real)),
	fc.integer(),
	fc.uint8Array({ maxLength: 3 }).map((bytes) => new Uint8Array(bytes)),
);
const DECLARED = ['INTEGER', 'DOUBLE', 'VARCHAR(255)', 'BLOB'] as const;
const rows = fc.array(fc.tuple(value, value, value, value), { minLength: 1, maxLength: 4 });

function contentOf(table: readonly (readonly Value[])[], timezone = 'UTC'): SnapshotContent {
	const columns = DECLARED.map((declared) => ({ name: declared, declared, isNullable: true }));
	return {
		databaseKind: 'sqlite',
		timezone,
		tables: [
			{ name: 'tag', columns, key: ['INTEGER'], rows: table },
			{ name: 'empty', columns, key: ['INTEGER'], rows: [] },
		],
		files: [
			{ path: 'upload/logo1.png', content: new Uint8Array([1, 2, 3]) },
			{ path: 'upload/logo2.png', content: new Uint8Array() },
		],
	};
}

const digest = (content: SnapshotContent): string => encodeContent(content).digest;

test('the same content has the same digest, wherever its values live in memory', () => {
	fc.assert(
		fc.property(rows, (table) => {
			expect(digest(contentOf(structuredClone(table)))).toBe(digest(contentOf(table)));
		}),
	);
});

test('another value in any place gives another digest', () => {
	const changes = rows.chain((table) =>
		fc.record({
			table: fc.constant(table),
			row: fc.nat({ max: table.length - 1 }),
			column: fc.nat({ max: DECLARED.length - 1 }),
			changed: value,
		}),
	);

	fc.assert(
		fc.property(changes, ({ table, row, column, changed }) => {
			fc.pre(!isSame(table[row]?.[column] ?? null, changed));
			const other = table.map((values, index) => (index === row ? values.with(column, changed) : values));

			expect(digest(contentOf(other))).not.toBe(digest(contentOf(table)));
		}),
	);
});

test('values that look alike, alone in their column, give a digest each', () => {
	const families: Value[][] = [
		[null, '', 'null', 'NULL', 0, '0', ' 0', new Uint8Array()],
		[1, '1', '1.0', '"1"', 1.5, '1.5', new Uint8Array([49])],
		[2 ** 63, 2n ** 63n - 1n, '9223372036854775808', '9.223372036854776e+18'],
		[new Uint8Array([0, 1]), 'AAE=', '{"base64":"AAE="}', '\u0000\u0001'],
	];
	const nulls: readonly Value[] = DECLARED.map(() => null);
	for (const family of families) {
		for (const column of DECLARED.keys()) {
			const digests = family.map((one) => digest(contentOf([nulls.with(column, one)])));

			expect(new Set(digests).size, `${family[0]} as ${DECLARED[column]}`).toBe(family.length);
		}
	}
});

function isSame(left: Value, right: Value): boolean {
	if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0;
	return left === right;
}

test('a row, a column, a table or a file more, or another name, gives another digest', () => {
	const content = contentOf([[1, 1.5, 'a', null]]);
	const [table, empty] = content.tables;
	const [file, otherFile] = content.files;
	if (table === undefined || empty === undefined || file === undefined || otherFile === undefined)
		throw new Error('no content');
	const columns = table.columns.slice(0, 3);
	const others: SnapshotContent[] = [
		contentOf([]),
		contentOf([...table.rows, [null, null, null, null]]),
		contentOf(table.rows, 'Asia/Tokyo'),
		{ ...content, tables: [table] },
		{ ...content, tables: [{ ...table, name: 'group' }, empty] },
		{ ...content, tables: [{ ...table, columns, rows: table.rows.map((row) => row.slice(0, 3)) }, empty] },
		{ ...content, tables: [{ ...table, key: ['DOUBLE'] }, empty] },
		{ ...content, files: [file] },
		{ ...content, files: [file, { ...otherFile, path: 'upload/logo3.png' }] },
		{
			...content,
			files: [
				{ ...file, content: otherFile.content },
				{ ...otherFile, content: file.content },
			],
		},
	];

	expect(new Set([content, ...others].map(digest)).size).toBe(others.length + 1);
});

test('who publishes, when and on top of what changes nothing', () => {
	const origin: fc.Arbitrary<Origin> = fc.record({
		productVersion: fc.string(),
		kumaVersion: fc.option(fc.string()),
		databaseKind: fc.constantFrom('sqlite', 'mariadb'),
		hostname: fc.string(),
		instanceId: fc.uuid(),
		timezone: fc.constant('UTC'),
	});
	const createdAt = fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
	const parent = fc.option(fc.record({ id: fc.string(), digest: fc.string() }));

	fc.assert(
		fc.property(rows, origin, createdAt, parent, (table, someOrigin, someTime, someParent) => {
			const { databaseKind } = someOrigin;
			const encoded = encodeContent({ ...contentOf(table), databaseKind });
			const manifest = makeManifest({
				encoded,
				origin: someOrigin,
				createdAt: someTime,
				parent: someParent,
			});

			expect(manifest.digest).toBe(digest(contentOf(table)));
			expect(digestOf(manifest)).toBe(manifest.digest);
		}),
	);
});
