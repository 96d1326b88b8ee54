import type { StoredType, Value } from '../model/row.ts';

const WHOLE_NUMBER = /^-?(?:0|[1-9]\d*)$/;

/** @returns how the values of one column are written: by the one storage class that they have, or as mixed. */
export function storedTypeOf(
	values: Iterable<Value>,
	declaredStored: Exclude<StoredType, 'mixed'>,
): StoredType {
	let stored: StoredType | undefined;
	for (const value of values) {
		if (value === null) continue;
		const found = classOf(value, declaredStored);
		if (stored === undefined) stored = found;
		else if (stored !== found) {
			const areNumbers = isNumeric(stored) && isNumeric(found);
			if (!areNumbers || declaredStored !== 'real') return 'mixed';
			stored = 'real';
		}
	}
	// A column without a value is written as declared, so that its first value does not change every snapshot's head.
	return stored ?? declaredStored;
}

function isNumeric(stored: StoredType): boolean {
	return stored === 'integer' || stored === 'real';
}

function classOf(value: Exclude<Value, null>, declaredStored: StoredType): Exclude<StoredType, 'mixed'> {
	if (typeof value === 'string') return 'text';
	if (typeof value === 'bigint') return 'integer';
	// Integers beyond 2^53 are bigint, so a whole number that large is a real (SQLite keeps 1e21 in an INTEGER column).
	if (typeof value === 'number')
		return declaredStored === 'real' || !Number.isSafeInteger(value) ? 'real' : 'integer';
	return 'blob';
}

/** @returns a value as a CSV field; null stays null, which the CSV writes as an empty field without quotes. */
export function encodeCell(value: Value, stored: StoredType): string | null {
	if (value === null) return null;
	if (stored === 'mixed') return encodeLiteral(value);
	if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
	return String(value);
}

/**
 * @returns the value that {@link encodeCell} wrote.
 * @throws RangeError when `cell` is not of that stored type.
 */
export function decodeCell(cell: string | null, stored: StoredType): Value {
	if (cell === null) return null;
	switch (stored) {
		case 'text':
			return cell;
		case 'integer':
			return decodeInteger(cell);
		case 'real':
			return decodeReal(cell);
		case 'blob':
			return decodeBase64(cell);
		case 'mixed':
			return decodeLiteral(cell);
	}
}

function encodeLiteral(value: Exclude<Value, null>): string {
	if (value instanceof Uint8Array) return JSON.stringify({ base64: Buffer.from(value).toString('base64') });
	if (typeof value === 'string') return JSON.stringify(value);
	// With its exponent, or its digits alone would be read as a bigint's.
	if (Number.isInteger(value) && !Number.isSafeInteger(value)) return Number(value).toExponential();
	return String(value);
}

function decodeLiteral(cell: string): Value {
	if (WHOLE_NUMBER.test(cell)) return decodeInteger(cell);
	if (cell.startsWith('"') || cell.startsWith('{')) {
		const literal: unknown = parseJson(cell);
		if (typeof literal === 'string') return literal;
		if (typeof literal === 'object' && literal !== null && 'base64' in literal) {
			return decodeBase64(String(literal.base64));
		}
		throw new RangeError('not a literal of text, number or bytes');
	}
	return decodeReal(cell);
}

function parseJson(cell: string): unknown {
	try {
		return JSON.parse(cell);
	} catch {
		throw new RangeError('not a JSON literal');
	}
}

function decodeInteger(cell: string): number | bigint {
	if (!WHOLE_NUMBER.test(cell)) throw new RangeError('not a whole number');
	const value = Number(cell);
	return Number.isSafeInteger(value) ? value : BigInt(cell);
}

function decodeReal(cell: string): number {
	const value = Number(cell);
	if (cell.trim() === '' || (Number.isNaN(value) && cell !== 'NaN')) throw new RangeError('not a number');
	return value;
}

function decodeBase64(cell: string): Uint8Array {
	const bytes = Buffer.from(cell, 'base64');
	if (bytes.toString('base64') !== cell) throw new RangeError('not base64');
	return new Uint8Array(bytes);
}
