import { chmod, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { temporaryDirectory } from './temporary-directory.ts';

export interface RecordingRestic {
	/** A PATH on which "restic" records how it was started, and then is the real one. */
	readonly path: string;
	/** @returns what `ps` shows of each restic that ran so far: its arguments, joined by spaces. */
	commandLines(): Promise<string[]>;
}

/** Stands a program in front of restic that writes down its own command line, as every user of the machine sees it. */
export async function recordingRestic(): Promise<RecordingRestic> {
	const directory = await temporaryDirectory('restic');
	const record = join(directory, 'command-lines');
	const { stdout: restic } = await execa('sh', ['-c', 'command -v restic']);
	const program = join(directory, 'restic');
	const lines = [
		'#!/bin/sh',
		`{ tr '\\0' ' ' < /proc/$$/cmdline; echo; } >> '${record}'`,
		`exec '${restic}' "$@"`,
	];
	await writeFile(program, `${lines.join('\n')}\n`);
	await chmod(program, 0o755);
	await writeFile(record, '');
	return {
		path: `${directory}${delimiter}${process.env.PATH ?? ''}`,
		commandLines: async () => (await readFile(record, 'utf8')).split('\n').filter((line) => line !== ''),
	};
}
