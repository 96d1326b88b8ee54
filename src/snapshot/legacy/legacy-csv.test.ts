import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TableSchema } from '../../model/row.ts';
import { decodeLegacyTable } from './legacy-csv.ts';

const SCHEMA: TableSchema = {
	name: 'tag',
	columns: [
		{ name: 'id', declared: 'INTEGER', isNullable: false },
		{ name: 'name', declared: 'VARCHAR(255)', isNullable: false },
		{ name: 'weight', declared: 'INTEGER', isNullable: false },
		{ name: 'since', declared: 'DATETIME', isNullable: false },
	],
	primaryKey: ['id'],
	uniqueKeys: [],
	references: [],
};

function decode(csv: string, more: { schema?: TableSchema; volatileColumns?: readonly string[] } = {}) {
	return decodeLegacyTable(csv, { name: 'tag', schema: undefined, volatileColumns: [], ...more });
}

/** @returns the value that a field of one row is read as. */
function readField(field: string) {
	return decode(`id,value\n1,${field}\n`).rows[0]?.[1];
}

describe('a field', () => {
	test.each([
		['', ''],
		['null', null],
		['NULL', 'NULL'],
		['null ', 'null '],
		['  lead and trail  ', '  lead and trail  '],
		['\t', '\t'],
		['\r', '\r'],
		['007', '007'],
		['1e5', '1e5'],
		['-0', '-0'],
		['+5', '+5'],
		['1.50', '1.50'],
		['.5', '.5'],
		['0x10', '0x10'],
		['1_000', '1_000'],
		['Infinity', 'Infinity'],
		['NaN', 'NaN'],
		['true', 'true'],
		['2026-11-24', '2026-11-24'],
		['C:\\new\\temp', 'C:\\new\\temp'],
		['\\N', '\\N'],
		["'; DROP TABLE monitor; --", "'; DROP TABLE monitor; --"],
		['before\u0000after', 'before\u0000after'],
		['\ufeffBOM first', '\ufeffBOM first'],
		['before\u2028after', 'before\u2028after'],
		['"a,b,""c"",;d"', 'a,b,"c",;d'],
		['"line1;\nline2;\n"', 'line1;\nline2;\n'],
		['"line1\r\nline2\r\n"', 'line1\r\nline2\r\n'],
		['""""', '"'],
		['0', 0],
		['-12', -12],
		['0.1', 0.1],
		['48.000001', 48.000001],
		['1e+21', 1e21],
		['9007199254740993', 9007199254740993n],
	])('%j is read as it was stored', (field, value) => {
		expect(readField(field)).toBe(value);
	});

	test('that looks like a number is the same text again in a column for text', () => {
		fc.assert(
			fc.property(
				fc.oneof(fc.double().map(String), fc.bigInt().map(String), fc.integer().map(String)),
				(text) => {
					expect(String(readField(text))).toBe(text);
				},
			),
		);
	});

	test('"null" is the text in a column for text that cannot be NULL here, and NULL in any other', () => {
		const { rows } = decode('id,name,weight,since,other\n1,null,null,null,null\n', { schema: SCHEMA });

		expect(rows).toEqual([[1, 'null', null, null, null]]);
	});
});

test('any text comes back that the original quotes as it does', () => {
	const text = fc
		.string({ unit: 'grapheme', maxLength: 20 })
		.filter((value) => value !== 'null' && value !== '');
	const texts = fc.array(fc.oneof(text, fc.constantFrom('"', ',', '\n', '\r', '\r\n', '""', ' ')), {
		minLength: 1,
	});
	const quote = (value: string) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

	fc.assert(
		fc.property(texts, (values) => {
			const csv = `id,value\n${values.map((value, index) => `${index + 1},${quote(value)}\n`).join('')}`;

			expect(decode(csv).rows.map(([, value]) => String(value))).toEqual(values);
		}),
	);
});

test('rows are in the order of their ids, without columns that only the server writes', () => {
	const table = decode('id,name,last\n10,ten,x\n9,nine,y\n', { volatileColumns: ['last'] });

	expect(table).toMatchObject({ name: 'tag', key: ['id'] });
	expect(table.columns.map(({ name }) => name)).toEqual(['id', 'name']);
	expect(table.rows).toEqual([
		[9, 'nine'],
		[10, 'ten'],
	]);
});

describe('what the original never writes is refused, without a value of it in the message:', () => {
	test.each([
		['a file that ends within a row', 'id,name\n1,secret', 'it ends within a row'],
		['an empty file', '', 'it ends within a row'],
		['a header alone', 'id,name\n', 'it ends after its header'],
		['a quote that never ends', 'id,name\n1,a\n2,"secret\n', 'row 2 is not the CSV that the original writes'],
		['a quote within a field', 'id,name\n1,se"cret\n', 'row 1 is not the CSV that the original writes'],
		['text behind a quote', 'id,name\n1,"se"cret\n', 'row 1 is not the CSV that the original writes'],
		['a field too many', 'id,name\n1,secret,secret\n', 'row 1 is not the CSV that the original writes'],
		['a field too few', 'id,name\n1,a\n2\n', 'row 2 is not the CSV that the original writes'],
		['an empty line', 'id,name\n1,a\n\n2,b\n', 'row 2 is not the CSV that the original writes'],
		['a broken header', 'id,"name\n', 'its header is not the CSV that the original writes'],
		['no id', 'name\nsecret\n', 'its header has no id'],
		['a column twice', 'id,name,name\n1,a,b\n', 'its header has a column twice'],
		['an id that is no number', 'id,name\nsecret,a\n', 'row 1: its id is not a whole number'],
		['an id that is NULL', 'id,name\nnull,a\n', 'row 1: its id is not a whole number'],
		['an id twice', 'id,name\n7,a\n7,b\n', 'row 2: its id is there twice'],
	])('%s', (_what, csv, message) => {
		expect(() => decode(csv)).toThrow(new RangeError(message));
	});
});
