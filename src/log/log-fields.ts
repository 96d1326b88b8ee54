import { isReplicatorError } from '../model/replicator-error.ts';
import { maskBeginning } from './secrets.ts';

/** What a field becomes before it is written: plain JSON, masked, and of bounded size. */
export type PlainValue =
	| string
	| number
	| boolean
	| null
	| readonly PlainValue[]
	| { readonly [name: string]: PlainValue };

const TEXT_LENGTH_MAX = 8_000;
const ITEMS_MAX = 50;
const DEPTH_MAX = 4;
const CAUSES_MAX = 3;

/**
 * Makes fields fit to be written. Secrets are masked here, before a text is cut or escaped: afterwards they could
 * no longer be recognised.
 * @param options.hasStacks also gives the stack of a ReplicatorError, which a bug always has
 */
export function plainFields(
	fields: Readonly<Record<string, unknown>>,
	options: { hasStacks: boolean },
): Record<string, PlainValue> {
	return plainEntries(fields, { depth: 0, hasStacks: options.hasStacks });
}

/** @returns `text` masked, and cut where it is too long for a line. */
export function plainText(text: string): string {
	return maskBeginning(text, TEXT_LENGTH_MAX);
}

interface Surroundings {
	readonly depth: number;
	readonly hasStacks: boolean;
}

function plainEntries(fields: object, surroundings: Surroundings): Record<string, PlainValue> {
	const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
	return Object.fromEntries(
		entries.slice(0, ITEMS_MAX).map(([name, value]) => [plainText(name), plainValue(value, surroundings)]),
	);
}

function plainValue(value: unknown, surroundings: Surroundings): PlainValue {
	if (value === null || typeof value === 'boolean') {
		return value;
	}
	if (typeof value === 'number') {
		const text = plainText(String(value));
		return text === String(value) && Number.isFinite(value) ? value : text;
	}
	if (typeof value !== 'object') {
		return plainText(String(value));
	}
	if (value instanceof Date) {
		return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
	}
	// Circles end here as well.
	if (surroundings.depth >= DEPTH_MAX) {
		return '…';
	}
	const inside = { ...surroundings, depth: surroundings.depth + 1 };
	if (value instanceof Error) {
		return plainError(value, inside);
	}
	if (value instanceof Uint8Array) {
		return `${value.length} bytes`;
	}
	if (value instanceof Map) {
		return plainEntries(Object.fromEntries(value), inside);
	}
	if (Array.isArray(value) || value instanceof Set) {
		return Array.from(value)
			.slice(0, ITEMS_MAX)
			.map((item) => plainValue(item, inside));
	}
	return plainEntries(value, inside);
}

function plainError(error: Error, surroundings: Surroundings): PlainValue {
	const isExpected = isReplicatorError(error);
	return plainEntries(
		{
			...(isExpected ? { code: error.code } : { name: error.name }),
			message: error.message,
			hint: isExpected ? error.hint : undefined,
			cause: isExpected ? causesOf(error) : undefined,
			stack: isExpected && !surroundings.hasStacks ? undefined : error.stack,
		},
		surroundings,
	);
}

function causesOf(error: Error): string | undefined {
	const messages: string[] = [];
	let cause = error.cause;
	while (cause !== undefined && messages.length < CAUSES_MAX) {
		messages.push(cause instanceof Error ? cause.message : String(cause));
		cause = cause instanceof Error ? cause.cause : undefined;
	}
	return messages.length === 0 ? undefined : messages.join(': ');
}
