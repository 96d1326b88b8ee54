import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TableRows, Value } from '../model/row.ts';
import { decodeTable, encodeTable } from './table-csv.ts';

const quirks = fc.constantFrom(
	...[
		'"',
		'""',
		',',
		'\n',
		'\r\n',
		'\r',
		'\u0000',
		'\ufeff',
		' ',
		'\\',
		'\u2028',
		'🧪',
		'null',
		'1e5',
		'{"a":1}',
	],
);
const anyText = fc.oneof(
	fc.constantFrom('', 'null', 'NULL', '"', '""', ',', '\n', '\r\n', '\r', '\u0000', '\ufeff', ' x ', '=1+1'),
	fc.array(quirks, { maxLength: 6 }).map((parts) => parts.join('')),
	fc.string({ unit: 'binary', maxLength: 20 }),
);
const integers: fc.Arbitrary<Value> = fc.oneof(
	fc.integer(),
	fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
	fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
);
const reals: fc.Arbitrary<Value> = fc.double({ noNaN: true }).map((real) => (real === 0 ? 0 : real));
/** As the databases give them: a whole number beyond 2^53 that is no bigint is a real that no integer column takes. */
const hugeReals: fc.Arbitrary<Value> = fc.constantFrom(2 ** 63, -(2 ** 64), 1e20, 1e21, -1.5e300, Infinity);
const bytes: fc.Arbitrary<Value> = fc.uint8Array({ maxLength: 12 }).map((array) => new Uint8Array(array));
const anything = fc.oneof(anyText, integers, reals, hugeReals, bytes, fc.constant(null));

const columns = ['INTEGER', 'DOUBLE', 'VARCHAR(255)', 'BLOB', 'DATETIME'].map((declared, index) => ({
	name: `column ${index}, "${declared}"`,
	declared,
	isNullable: true,
}));

function roundTrip(rows: readonly Value[][]): TableRows {
	const table: TableRows = { name: 'table', columns, key: ['column 0, "INTEGER"'], rows };
	const { csv, stored } = encodeTable(table);
	return decodeTable(csv.toString('utf8'), {
		name: 'table',
		columns: columns.map((column, index) => ({ ...column, stored: stored[index] ?? 'text' })),
		key: table.key,
		rowCount: rows.length,
		sha256: '',
	});
}

test('every value of every storage class comes back as it was', () => {
	fc.assert(
		fc.property(
			fc.array(
				fc.tuple(
					fc.option(integers),
					fc.option(fc.oneof(reals, hugeReals)),
					fc.option(anyText),
					fc.option(bytes),
					fc.oneof(anyText, fc.integer(), fc.constant(null)),
				),
				{ maxLength: 8 },
			),
			(rows) => {
				expect(roundTrip(rows).rows).toEqual(rows);
			},
		),
	);
});

test('columns that hold values of several storage classes come back as they were', () => {
	fc.assert(
		fc.property(
			fc.array(fc.tuple(anything, reals, anything, anything, anything), { maxLength: 8 }),
			(rows) => {
				expect(roundTrip(rows).rows).toEqual(rows);
			},
		),
	);
});

test('a zero with a sign is written as zero, as both databases keep it', () => {
	expect(roundTrip([[-0, -0, '', null, -0]]).rows).toEqual([[0, 0, '', null, 0]]);
});

test('NULL is an empty field, and everything else is quoted', () => {
	const { csv } = encodeTable({
		name: 'tag',
		columns: [
			{ name: 'id', declared: 'INTEGER', isNullable: false },
			{ name: 'name', declared: 'VARCHAR(255)', isNullable: true },
		],
		key: ['id'],
		rows: [
			[1, null],
			[2, ''],
			[3, 'null'],
			[4, 'a "b"\r\n'],
		],
	});

	expect(csv.toString('utf8')).toBe('"id","name"\r\n"1",\r\n"2",""\r\n"3","null"\r\n"4","a ""b""\r\n"\r\n');
});

test.each([
	['a value without quotes', '"id","name"\r\n1,"x"\r\n'],
	['a missing column', '"id"\r\n"1"\r\n'],
	['a row too many', '"id","name"\r\n"1","x"\r\n"2","y"\r\n'],
	['a row too few', '"id","name"\r\n'],
	['an open quote', '"id","name"\r\n"1","x\r\n'],
	['a short row', '"id","name"\r\n"1"\r\n'],
	['text in a column of integers', '"id","name"\r\n"one","x"\r\n'],
])('a table with %s is refused', (_what, csv) => {
	const described = {
		name: 'tag',
		columns: [
			{ name: 'id', declared: 'INTEGER', isNullable: false, stored: 'integer' as const },
			{ name: 'name', declared: 'TEXT', isNullable: true, stored: 'text' as const },
		],
		key: ['id'],
		rowCount: 1,
		sha256: '',
	};

	expect(() => decodeTable(csv, described)).toThrow();
});
