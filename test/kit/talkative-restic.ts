import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { temporaryDirectory } from './temporary-directory.ts';

const PROGRAM = join(import.meta.dirname, '..', 'programs', 'talkative-restic.mjs');

/** What it says: a megabyte in one line, the same without an end, many long lines … */
export const TALKS = [
	'line',
	'no end',
	'long lines',
	'growing lines',
	'short lines',
	'drip',
	'json',
] as const;

export interface TalkativeRestic {
	/** A PATH on which "restic" is that program. */
	readonly path: string;
	/** Whether it has said everything, and was heard as far as a pipe goes. */
	hasSpoken(): boolean;
}

/** Makes a program in the place of restic that says that on its error output, and then fails or hangs. */
export async function talkativeRestic(
	talk: (typeof TALKS)[number],
	then: 'end' | 'hang',
): Promise<TalkativeRestic> {
	const directory = await temporaryDirectory('restic');
	const program = join(directory, 'restic');
	const node = process.execPath;
	const spoken = join(directory, 'spoken');
	await writeFile(
		program,
		`#!/bin/sh\nTALK='${talk}' THEN=${then} SPOKEN='${spoken}' exec '${node}' '${PROGRAM}'\n`,
	);
	await chmod(program, 0o755);
	return {
		path: `${directory}${delimiter}${process.env.PATH ?? ''}`,
		hasSpoken: () => existsSync(spoken),
	};
}
