import { join } from 'node:path';
import { execa } from 'execa';

const PROJECT = join(import.meta.dirname, '..', '..');
const BUILD_MS = 60_000;

/**
 * Makes one file of a program of `test/programs` and of all that it imports, as the product is built. To compile the
 * sources anew takes most of a start, and some tests start a program a hundred times.
 * @returns its path, in `directory`.
 */
export async function bundleProgram(name: string, directory: string): Promise<string> {
	const outfile = join(directory, 'program', `${name}.js`);
	const entry = join(PROJECT, 'test', 'programs', `${name}.mjs`);
	const words = [join(PROJECT, 'scripts', 'build.ts'), '--entry', entry, '--outfile', outfile];
	await execa(process.execPath, words, { timeout: BUILD_MS });
	return outfile;
}
