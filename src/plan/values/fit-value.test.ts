import { describe, expect, test } from 'vitest';
import type { Column, Value } from '../../model/row.ts';
import { fitBetween, Unfit } from './fit-value.ts';

const column = (declared: string, more: Partial<Column> = {}): Column => ({
	name: 'c',
	declared,
	isNullable: true,
	...more,
});
const intoMariadb = (declared: string, more: Partial<Column> = {}) =>
	fitBetween({ kind: 'sqlite', column: column('TEXT') }, { kind: 'mariadb', column: column(declared, more) });

function unfits(value: Value | Unfit): string | null {
	return value instanceof Unfit ? value.reason : null;
}

describe('MariaDB', () => {
	test('takes a text of exactly the allowed length and refuses one character more', () => {
		const convert = intoMariadb('varchar(5)');

		expect(convert('äöüß🧪')).toBe('äöüß🧪');
		expect(unfits(convert('äöüß🧪x'))).toBe('is longer than 5 characters');
	});

	test('counts bytes, not characters, in a text column', () => {
		const convert = intoMariadb('text');

		expect(convert('ä'.repeat(32_767))).toHaveLength(32_767);
		expect(unfits(convert('ä'.repeat(32_768)))).toBe('is longer than 65535 bytes');
	});

	test('refuses a 4-byte character in a 3-byte character set', () => {
		const convert = intoMariadb('varchar(255)', { charset: 'utf8mb3' });

		expect(convert('münchen')).toBe('münchen');
		expect(unfits(convert('kuma 🐻'))).toContain('character set');
	});

	test.each([
		['int(11)', 2_147_483_647, 2_147_483_648],
		['int(10) unsigned', 4_294_967_295, -1],
		['tinyint(1)', 127, 128],
		['smallint(6)', -32_768, 32_768],
		['bigint(20)', 9_007_199_254_740_993n, 9_223_372_036_854_775_808n],
	])('keeps %s within its range', (declared, fits, doesNot) => {
		const convert = intoMariadb(declared);

		expect(convert(fits)).toBe(fits);
		expect(unfits(convert(doesNot))).toContain('must be between');
	});

	test('does not round', () => {
		expect(unfits(intoMariadb('int(11)')(20.5))).toBe('must be a whole number');
		expect(intoMariadb('double')(20.5)).toBe(20.5);
	});

	test('refuses a value outside an enum', () => {
		const convert = intoMariadb("enum('1','2c','3')", { allowedValues: ['1', '2c', '3'] });

		expect(convert('2c')).toBe('2c');
		expect(unfits(convert('4'))).toBe('must be one of 1, 2c, 3');
	});

	test('refuses NULL where the column does', () => {
		expect(unfits(intoMariadb('int(11)', { isNullable: false })(null))).toBe('cannot be empty (NULL)');
	});
});

describe('SQLite', () => {
	const intoSqlite = (declared: string, more: Partial<Column> = {}) =>
		fitBetween(
			{ kind: 'mariadb', column: column('text') },
			{ kind: 'sqlite', column: column(declared, more) },
		);

	test.each([
		['INTEGER', '007', 7],
		['BOOLEAN', 1, 1],
		['DATETIME', '2026-11-24 10:11:12', '2026-11-24 10:11:12'],
		['VARCHAR(255)', 7, '7'],
		['VARCHAR(255)', '007', '007'],
		['INTEGER', '9007199254740993', 9_007_199_254_740_993n],
	])('in a column %s takes %s as %s', (declared, value, expected) => {
		expect(intoSqlite(declared)(value)).toEqual(expected);
	});

	test('refuses what a CHECK refuses', () => {
		const convert = intoSqlite('TEXT', { allowedValues: ['google', 'umami'] });

		expect(unfits(convert('rybbit'))).toBe('must be one of google, umami');
		expect(convert(null)).toBeNull();
	});
});

test('between two columns that are declared alike, every value stays as it is', () => {
	const place = { kind: 'sqlite', column: column('DATETIME') } as const;
	const convert = fitBetween(place, place);

	for (const value of ['2026-11-24T10:11:12.345Z', 1764000000123, '02:00'])
		expect(convert(value)).toBe(value);
});
