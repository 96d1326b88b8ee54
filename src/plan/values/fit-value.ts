import type { Column, DatabaseKind, Value } from '../../model/row.ts';
import { toDate, toDateTime, toTime } from './temporal.ts';

/** Why a column cannot hold a value, to be read after the column's name: "is longer than 255 characters". */
export class Unfit {
	readonly reason: string;
	constructor(reason: string) {
		this.reason = reason;
	}
}

/** A column and the kind of database that it is in. */
export interface Place {
	readonly kind: DatabaseKind;
	readonly column: Column;
}

/** Brings a value into the form that a column would give it, or says why the column cannot hold it. */
export type Fit = (value: Value) => Value | Unfit;

/**
 * @returns how a value from `source` looks in `target`. MariaDB has lengths, ranges, and one form for a date;
 * SQLite has affinities and CHECKs. A value is never cut: what would be, is Unfit. Only the form of an instant or of
 * a number may change, never what it means.
 */
export function fitBetween(source: Place, target: Place): Fit {
	const inner = isSameDeclaration(source, target) ? (value: Value) => value : fitInto(target);
	const { isNullable } = target.column;
	return (value) => {
		if (value === null) return isNullable ? null : new Unfit('cannot be empty (NULL)');
		return inner(value);
	};
}

function isSameDeclaration(source: Place, target: Place): boolean {
	return (
		source.kind === target.kind &&
		source.column.declared.toLowerCase() === target.column.declared.toLowerCase() &&
		source.column.charset === target.column.charset &&
		source.column.allowedValues?.join('\0') === target.column.allowedValues?.join('\0')
	);
}

type Stored = Exclude<Value, null>;

function fitInto(target: Place): (value: Stored) => Value | Unfit {
	const convert = target.kind === 'sqlite' ? fitSqlite(target.column) : fitMariadb(target.column);
	const { allowedValues } = target.column;
	if (allowedValues === undefined) return convert;
	return (value) => {
		const fitted = convert(value);
		if (fitted instanceof Unfit || fitted === null || allowedValues.includes(String(fitted))) return fitted;
		return new Unfit(`must be one of ${allowedValues.join(', ')}`);
	};
}

const NUMBER_TEXT = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** SQLite's affinities ("Datatypes in SQLite", 3.1): the only way in which it changes a value that is stored. */
function fitSqlite(column: Column): (value: Stored) => Value | Unfit {
	const declared = column.declared.toUpperCase();
	if (/CHAR|CLOB|TEXT/.test(declared) && !declared.includes('INT')) {
		return (value) => (typeof value === 'number' || typeof value === 'bigint' ? String(value) : value);
	}
	if (declared === '' || declared.includes('BLOB')) return (value) => value;
	return (value) => {
		if (typeof value !== 'string' || !NUMBER_TEXT.test(value)) return value;
		const number = Number(value);
		return /^[+-]?\d+$/.test(value) && !Number.isSafeInteger(number) ? BigInt(value) : number;
	};
}

function fitMariadb(column: Column): (value: Stored) => Value | Unfit {
	const declared = column.declared.toLowerCase();
	const type = /^[a-z]+/.exec(declared)?.[0] ?? '';
	const bits = INTEGER_BITS[type];
	if (bits !== undefined) return fitInteger(bits, declared.includes('unsigned'));
	if (type === 'datetime' || type === 'timestamp') return fitTemporal(toDateTime, 'a date and time');
	if (type === 'date') return fitTemporal(toDate, 'a date');
	if (type === 'time') return fitTemporal(toTime, 'a time of day');
	if (type === 'double' || type === 'float' || type === 'decimal') return fitReal;
	if (type === 'varchar' || type === 'char' || type === 'enum') {
		const lengthMax = type === 'enum' ? undefined : Number(/\((\d+)\)/.exec(declared)?.[1] ?? 1);
		return fitText({ charset: column.charset, lengthMax });
	}
	const bytesMax = TEXT_BYTES_MAX[type];
	if (bytesMax !== undefined) return fitText({ charset: column.charset, bytesMax });
	return (value) => value;
}

// MariaDB documentation, "Numeric Data Type Overview".
const INTEGER_BITS: Readonly<Record<string, number>> = {
	tinyint: 8,
	smallint: 16,
	mediumint: 24,
	int: 32,
	bigint: 64,
};
// MariaDB documentation, "String Data Types"; JSON is an alias of LONGTEXT.
const TEXT_BYTES_MAX: Readonly<Record<string, number>> = {
	tinytext: 255,
	text: 65_535,
	mediumtext: 16_777_215,
	longtext: 4_294_967_295,
	json: 4_294_967_295,
};

function fitInteger(bits: number, isUnsigned: boolean): (value: Stored) => Value | Unfit {
	const max = isUnsigned ? 2n ** BigInt(bits) - 1n : 2n ** BigInt(bits - 1) - 1n;
	const min = isUnsigned ? 0n : -(2n ** BigInt(bits - 1));
	return (value) => {
		const whole = toWhole(value);
		if (whole === null) return new Unfit('must be a whole number');
		if (whole < min || whole > max) return new Unfit(`must be between ${min} and ${max}`);
		const number = Number(whole);
		return Number.isSafeInteger(number) ? number : whole;
	};
}

function toWhole(value: Stored): bigint | null {
	if (typeof value === 'bigint') return value;
	if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : null;
	if (typeof value === 'string' && /^[+-]?\d{1,30}$/.test(value)) return BigInt(value);
	return null;
}

function fitReal(value: Stored): Value | Unfit {
	const number =
		value instanceof Uint8Array || (typeof value === 'string' && !NUMBER_TEXT.test(value))
			? Number.NaN
			: Number(value);
	if (!Number.isFinite(number)) return new Unfit('must be a number');
	if (typeof value === 'bigint' && BigInt(number) !== value) return new Unfit('has more digits than fit');
	return number;
}

function fitTemporal(
	normalise: (value: string | number | bigint) => string | null,
	what: string,
): (value: Stored) => Value | Unfit {
	return (value) => {
		const text = value instanceof Uint8Array ? null : normalise(value);
		return text ?? new Unfit(`must be ${what}`);
	};
}

function fitText(limits: {
	readonly charset: string | undefined;
	readonly lengthMax?: number | undefined;
	readonly bytesMax?: number | undefined;
}): (value: Stored) => Value | Unfit {
	const isThreeByte = limits.charset === 'utf8mb3' || limits.charset === 'utf8';
	const { lengthMax, bytesMax } = limits;
	return (value) => {
		if (value instanceof Uint8Array) return new Unfit('holds bytes where text is expected');
		const text = String(value);
		if (isThreeByte && BEYOND_THREE_BYTES.test(text))
			return new Unfit('has a character that its character set lacks');
		if (lengthMax !== undefined && text.length > lengthMax && countCharacters(text) > lengthMax) {
			return new Unfit(`is longer than ${lengthMax} characters`);
		}
		if (bytesMax !== undefined && text.length * 3 > bytesMax && countBytes(text) > bytesMax) {
			return new Unfit(`is longer than ${bytesMax} bytes`);
		}
		return text;
	};
}

const BEYOND_THREE_BYTES = /[\u{10000}-\u{10ffff}]/u;

function countCharacters(text: string): number {
	let count = 0;
	for (const _character of text) count += 1;
	return count;
}

/** @returns the length of a text in UTF-8. */
function countBytes(text: string): number {
	let count = 0;
	for (const character of text) {
		const point = character.codePointAt(0) ?? 0;
		count += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	}
	return count;
}
