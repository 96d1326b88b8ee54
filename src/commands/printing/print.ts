import { styleText } from 'node:util';
import { maskSecrets } from '../../log/secrets.ts';
import type { HeldRow, Remark } from '../../model/state.ts';
import type { CycleReport } from '../../model/status.ts';

/**
 * What could steer a terminal or turn the direction of the text behind it; a name from a database may hold it. The
 * second lets through what {@link colour} writes.
 */
// biome-ignore-start lint/suspicious/noControlCharactersInRegex: that is what is looked for.
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const UNSAFE_BUT_COLOURS = new RegExp(`(?!\u001b\\[(?:[12]|22|3[1-3]|39)m)${UNSAFE.source}`, 'g');
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: that was it.

/** Writes one line to standard output. */
export function printLine(text = ''): void {
	const unsafe = colour('bold', '.') === '.' ? UNSAFE : UNSAFE_BUT_COLOURS;
	process.stdout.write(`${maskSecrets(text).replace(unsafe, '?')}\n`);
}

/** Writes an answer as JSON, the contract for scripts; docs/json.md has all of them. */
export function printJson<Answer = never>(value: NoInfer<Answer>): void {
	// Masked piece by piece: in the finished text a secret could look like a part of the JSON itself.
	const mask = (_key: string, part: unknown) => (typeof part === 'string' ? maskSecrets(part) : part);
	process.stdout.write(`${JSON.stringify(value, mask, '\t')}\n`);
}

/** Colours a piece of text where the terminal wants colours (not with NO_COLOR). */
export function colour(style: 'red' | 'green' | 'yellow' | 'dim' | 'bold', text: string): string {
	return styleText(style, text, { stream: process.stdout });
}

/** Prints what a cycle came to: the sentence, then the rows. */
export function printReport(report: CycleReport, options: { readonly json: boolean }): void {
	if (options.json) {
		printJson<CycleReport>(report);
		return;
	}
	printLine(colour(report.needsDecision ? 'yellow' : 'green', report.summary));
	for (const line of report.details) printLine(`  ${line}`);
	printHeldRows(report.heldRows);
}

/** Prints what is not as on the leader, and why. */
export function printHeldRows(rows: readonly HeldRow[]): void {
	for (const { table, key, title, how, reason } of rows) {
		printLine(
			`  ${colour('yellow', `! ${table}/${key} ${JSON.stringify(title)} is ${HOW[how]}: ${reason}`)}`,
		);
	}
}

/** Prints what is different here on purpose, or hangs on this instance's settings. */
export function printRemarks(remarks: readonly Remark[]): void {
	for (const { title, kind, reason } of remarks) {
		const state = kind === 'push-paused' ? 'is paused here' : 'may not work here';
		printLine(`  Monitor "${title}" ${state}: ${reason}`);
	}
}

const HOW = { held: 'set aside', paused: 'paused', partial: 'reduced' } as const;

/** @returns a time as people read it, in their own zone, with the zone. */
export function formatTime(iso: string): string {
	return new Intl.DateTimeFormat('sv-SE', {
		dateStyle: 'short',
		timeStyle: 'long',
	}).format(new Date(iso));
}

/** @returns how long ago something was, in the largest unit that says it. */
export function formatAge(ms: number): string {
	const seconds = Math.max(0, Math.round(ms / 1000));
	if (seconds < 120) return `${seconds} s`;
	if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`;
	if (seconds < 2 * 86_400) return `${Math.round(seconds / 3600)} h`;
	return `${Math.round(seconds / 86_400)} d`;
}
