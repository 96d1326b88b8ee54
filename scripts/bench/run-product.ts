import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const PRODUCT = join(import.meta.dirname, '..', '..', 'dist', 'replicator-kuma.js');
/** Run inside of the measured process: it tells its own peak, on a channel of its own. */
const TELL_PEAK = `process.on('exit', () => require('node:fs').writeSync(3, String(process.resourceUsage().maxRSS)))`;

export interface ProductEnd {
	/** From the start of the process to its end. */
	readonly durationMs: number;
	/** The most that the process has taken at once, without restic. */
	readonly peakMegabytes: number;
	/** What `--json` prints. */
	readonly report: unknown;
}

/** Runs a command of the product as a person does, in a process of its own. @throws Error when it fails. */
export async function runProduct(
	words: readonly string[],
	environment: Readonly<Record<string, string>>,
): Promise<ProductEnd> {
	const hook = `data:text/javascript,${encodeURIComponent(
		`import { createRequire } from 'node:module'; const require = createRequire('file:///'); ${TELL_PEAK}`,
	)}`;
	const startedAt = performance.now();
	const child = spawn(process.execPath, ['--import', hook, PRODUCT, ...words, '--json'], {
		cwd: environment.HOME,
		env: { PATH: process.env.PATH ?? '', ...environment },
		stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
	});
	const [, output, complaint, peak] = child.stdio as unknown as (NodeJS.ReadableStream | null)[];
	const texts = Promise.all([output, complaint, peak].map((stream) => text(stream as AsyncIterable<Buffer>)));
	const [code] = await once(child, 'exit');
	const durationMs = performance.now() - startedAt;
	const [printed = '', said = '', kilobytes = ''] = await texts;
	if (code !== 0) throw new Error(`replicator-kuma ${words.join(' ')} ended with ${code}: ${said}${printed}`);
	return { durationMs, peakMegabytes: Number(kilobytes) / 1024, report: JSON.parse(printed) };
}
