import { text } from 'node:stream/consumers';

/**
 * Makes a picture of what a terminal has shown, for the README:
 *
 *   script --quiet --return --command 'npm run --silent demo -- --check' demo.log
 *   node scripts/terminal-picture.ts '$ npm run demo -- --check' < demo.log > docs/demo.svg
 */

const FONT_SIZE = 13;
const CHARACTER_WIDTH = 7.83;
const LINE_HEIGHT = 18;
const MARGIN = 18;
const STYLES: Readonly<Record<string, string>> = {
	'1': 'bold',
	'2': 'dim',
	'31': 'red',
	'32': 'green',
	'33': 'yellow',
};
/** Lines that `script` itself, or the preparation of the demo, has written. */
const NOT_SHOWN = /^(?:Script (?:started|done) on|Installing |Building)/;

interface Piece {
	readonly style: string;
	readonly text: string;
}

/** What is left of a line after everything that was written over. */
function lastState(line: string): string {
	const states = line.split('\r').filter((state) => state !== '');
	return (states.at(-1) ?? '').replaceAll('\u001b[K', '').trimEnd();
}

function piecesOf(line: string): Piece[] {
	const [plain = '', ...rest] = line.split('\u001b[');
	const styled = rest.map((piece) => {
		const end = piece.indexOf('m');
		return { style: STYLES[piece.slice(0, end)] ?? '', text: piece.slice(end + 1) };
	});
	return [{ style: '', text: plain }, ...styled].filter((piece) => piece.text !== '');
}

function escapeXml(content: string): string {
	return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function draw(title: string, lines: readonly (readonly Piece[])[]): string {
	const columns = Math.max(...lines.map((line) => line.reduce((sum, piece) => sum + piece.text.length, 0)));
	const width = Math.ceil(columns * CHARACTER_WIDTH + 2 * MARGIN);
	const height = lines.length * LINE_HEIGHT + 2 * MARGIN;
	const rows = lines.map((line, index) => {
		const y = MARGIN + (index + 1) * LINE_HEIGHT - 5;
		const spans = line.map((piece) => {
			const style = piece.style === '' ? '' : ` class="${piece.style}"`;
			return `<tspan${style}>${escapeXml(piece.text)}</tspan>`;
		});
		return `<text x="${MARGIN}" y="${y}">${spans.join('')}</text>`;
	});
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escapeXml(title)}</title>
<style>
text { font: ${FONT_SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #e6edf3; white-space: pre; }
.bold { font-weight: bold; } .dim { fill: #8b949e; } .red { fill: #ff7b72; } .green { fill: #56d364; } .yellow { fill: #e3b341; }
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${rows.join('\n')}
</svg>
`;
}

const [prompt = '$'] = process.argv.slice(2);
const recorded = (await text(process.stdin))
	.split('\n')
	.map(lastState)
	.filter((line) => !NOT_SHOWN.test(line));
const shown = recorded.join('\n').trim().split('\n');
process.stdout.write(draw(prompt, [[{ style: 'bold', text: prompt }], ...shown.map(piecesOf)]));
