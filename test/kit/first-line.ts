import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** @returns the first line that a program writes to its standard output. @throws Error when it ends before. */
export async function firstLine(child: ChildProcess): Promise<string> {
	if (child.stdout === null) throw new Error('The program was started without a pipe for its output');
	const lines = createInterface(child.stdout);
	const ended = once(child, 'exit').then(([code, signal]) => {
		throw new Error(`${child.spawnargs.join(' ')} ended (${signal ?? code}) without a line`);
	});
	const line = await Promise.race([once(lines, 'line').then(([text]) => String(text)), ended]);
	ended.catch(() => {});
	return line;
}
