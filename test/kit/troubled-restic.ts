import { chmod, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { temporaryDirectory } from './temporary-directory.ts';

/**
 * Stands a program in front of restic that is the real one, and behind which something goes wrong.
 * @param trouble words of a shell, run after each restic that had its cache; `$1` is restic's command.
 * @returns a PATH on which "restic" is that program.
 */
export async function troubledRestic(trouble: string): Promise<string> {
	const directory = await temporaryDirectory('restic');
	const { stdout: restic } = await execa('sh', ['-c', 'command -v restic']);
	const program = join(directory, 'restic');
	const lines = [
		'#!/bin/sh',
		`'${restic}' "$@" || exit`,
		'case " $* " in *" --no-cache "*) exit 0 ;; esac',
		trouble,
	];
	await writeFile(program, `${lines.join('\n')}\n`);
	await chmod(program, 0o755);
	return `${directory}${delimiter}${process.env.PATH ?? ''}`;
}
