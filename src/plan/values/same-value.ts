import type { Key, Value } from '../../model/row.ts';

/** @returns whether two stored values are the same: numbers by amount, text and bytes to the byte. */
export function isSameValue(left: Value, right: Value): boolean {
	if (left === right) return true;
	if (left === null || right === null) return false;
	if (left instanceof Uint8Array || right instanceof Uint8Array) {
		return left instanceof Uint8Array && right instanceof Uint8Array && isSameBytes(left, right);
	}
	if (typeof left === 'string' || typeof right === 'string') return false;
	// biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number of the same amount are the same value.
	return left == right;
}

function isSameBytes(left: Uint8Array, right: Uint8Array): boolean {
	return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** @returns a key as text: the same for the same key, whatever number type its values have. */
export function keyText(key: Key): string {
	return key.map(String).join(',');
}

/** @returns several values as one text, the same for the same values and for no others. */
export function tupleText(values: readonly Value[]): string {
	return values
		.map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)))
		.join('\0');
}
