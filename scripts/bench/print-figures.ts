import { borderlessTable } from '../../src/commands/printing/borderless-table.ts';
import type { Figure } from './figure.ts';

/** From here on people think in seconds. */
const SECONDS_FROM_MS = 10_000;

/** Prints all figures as one table, with what each was come by below it. */
export function printFigures(figures: readonly Figure[]): void {
	const table = borderlessTable(['', 'Replicator Kuma', '"restart"', 'ratio', '']);
	const notes: string[] = [];
	let section = '';
	for (const figure of figures) {
		if (figure.section !== section) {
			section = figure.section;
			table.push([{ content: section, colSpan: 5 }]);
		}
		const { name, unit, ours, restart, note } = figure;
		const ratio =
			restart === null || ours === null || ours === 0 || unit === '×' ? '' : `${round(restart / ours)} ×`;
		table.push([`  ${name}`, show(ours, unit), show(restart, unit), ratio, mark(note)]);
	}
	console.log(table.toString());
	for (const [index, note] of notes.entries()) console.log(`${index + 1}) ${note}`);

	function mark(note: string | undefined): string {
		if (note === undefined) return '';
		if (!notes.includes(note)) notes.push(note);
		return `${notes.indexOf(note) + 1})`;
	}
}

function show(value: number | null, unit: Figure['unit']): string {
	if (value === null) return '';
	if (unit === 'ms' && value >= SECONDS_FROM_MS) return `${round(value / 1000)} s`;
	return `${round(value)} ${unit}`;
}

/** Three digits say what there is to say. */
function round(value: number): string {
	return Math.abs(value) >= 100
		? Math.round(value).toLocaleString('en')
		: String(Number(value.toPrecision(3)));
}
