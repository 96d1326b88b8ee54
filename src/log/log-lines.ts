import { formatLocalDate } from './format-date.ts';
import { type PlainValue, plainFields, plainText } from './log-fields.ts';
import { maskSecrets } from './secrets.ts';

/** One thing to be logged. */
export interface LogEntry {
	readonly timeMs: number;
	readonly level: 'debug' | 'info' | 'warning' | 'error';
	readonly message: string;
	readonly fields: Readonly<Record<string, unknown>>;
}

/** The name that our lines carry between those of Kuma's modules. */
const MODULE = 'REPLICATOR';
const LABELS = { debug: 'DEBUG', info: 'INFO', warning: 'WARN', error: 'ERROR' } as const;
const LABEL_COLORS = {
	debug: '\u001b[90m',
	info: '\u001b[36m',
	warning: '\u001b[33m',
	error: '\u001b[31m',
} as const;
const MODULE_COLOR = '\u001b[35m';
const FIELD_COLOR = '\u001b[90m';
const NO_COLOR = '\u001b[0m';

/** Everything that could end a line, steer a terminal, or turn the direction of the text behind it. */
const UNSAFE = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Writes an entry as Kuma writes its own lines: `2026-11-24T10:11:12+01:00 [REPLICATOR] INFO: message key=value`.
 * It is one line whatever the fields hold, and holds no registered secret.
 */
export function formatTextLine(entry: LogEntry, options: { hasColors: boolean; hasStacks: boolean }): string {
	const paint = (color: string, text: string) => (options.hasColors ? `${color}${text}${NO_COLOR}` : text);
	const fields = Object.entries(plainFields(entry.fields, options)).flatMap(([name, value]) => {
		return textFields(name, value).map((field) => ` ${paint(FIELD_COLOR, maskSecrets(field))}`);
	});
	const module = paint(MODULE_COLOR, `[${MODULE}]`);
	const label = paint(LABEL_COLORS[entry.level], `${LABELS[entry.level]}:`);
	const message = maskSecrets(escapeUnsafe(plainText(entry.message)));
	return `${formatLocalDate(entry.timeMs)} ${module} ${label} ${message}${fields.join('')}`;
}

/** Writes an entry as one JSON object, with the names that Kuma's own JSON log has, and `fields` where there are any. */
export function formatJsonLine(entry: LogEntry, options: { hasStacks: boolean }): string {
	const fields = plainFields(entry.fields, options);
	const line = JSON.stringify({
		time: formatLocalDate(entry.timeMs),
		module: MODULE,
		level: entry.level,
		msg: plainText(entry.message),
		...(Object.keys(fields).length === 0 ? {} : { fields }),
	});
	// JSON lets some control characters stand as they are.
	return escapeUnsafe(line);
}

/** An error's parts become fields of their own: `error="…" code=… hint="…"`. */
function textFields(name: string, value: PlainValue): string[] {
	if (name !== 'error' || typeof value !== 'object' || value === null || !('message' in value)) {
		return [`${escapeUnsafe(name)}=${textValue(value)}`];
	}
	const { message = '', ...others } = value;
	return [
		`error=${textValue(message)}`,
		...Object.entries(others).map(([part, text]) => `${part}=${textValue(text)}`),
	];
}

function textValue(value: PlainValue): string {
	if (typeof value !== 'string') {
		return escapeUnsafe(JSON.stringify(value));
	}
	return /^[^\s"'=\\]+$/.test(value) && value.search(UNSAFE) === -1
		? value
		: escapeUnsafe(JSON.stringify(value));
}

function escapeUnsafe(text: string): string {
	return text.replace(UNSAFE, (character) => {
		const inJson = JSON.stringify(character).slice(1, -1);
		return inJson === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : inJson;
	});
}
