import { join } from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';
import { temporaryDirectory } from './temporary-directory.ts';

const BUNDLE = join(import.meta.dirname, '../../dist/replicator-kuma.js');
/** A command that does not end by itself is a failure of its own. */
const TIMEOUT_MS = 50_000;

export interface CommandEnd {
	readonly exitCode: number | undefined;
	readonly stdout: string;
	readonly stderr: string;
}

/**
 * Runs the bundle that `npm run build` has made, as a person would: with its own process, an environment that holds
 * `env` and nothing of this one but the PATH, and a folder without anything in it.
 */
export async function runCommand(
	arguments_: readonly string[],
	env: Readonly<Record<string, string>> = {},
): Promise<CommandEnd> {
	return start(process.execPath, [BUNDLE, ...arguments_], env);
}

/** The same on a terminal. @returns what it shows. */
export async function runInTerminal(
	arguments_: readonly string[],
	env: Readonly<Record<string, string>>,
): Promise<string> {
	const line = [process.execPath, BUNDLE, ...arguments_].map((word) => `'${word}'`).join(' ');
	return (await start('script', ['--quiet', '--command', line, '/dev/null'], env)).stdout;
}

async function start(
	program: string,
	arguments_: readonly string[],
	env: Readonly<Record<string, string>>,
): Promise<CommandEnd> {
	const home = await temporaryDirectory('home');
	const { exitCode, stdout, stderr } = await execa(program, arguments_, {
		cwd: home,
		env: { PATH: process.env.PATH ?? '', HOME: home, TZ: 'Europe/Berlin', ...env },
		extendEnv: false,
		stdin: 'ignore',
		reject: false,
		timeout: TIMEOUT_MS,
	});
	return { exitCode, stdout, stderr };
}

/** Checks that a command failed as it should: told in words, with a way out, and without a stack. */
export function expectFailure(
	end: CommandEnd,
	wanted: { readonly exitCode: number; readonly message: RegExp; readonly hint: RegExp },
): void {
	expect(end.stderr).toMatch(wanted.message);
	expect(end.stderr).toMatch(wanted.hint);
	expect(end.stderr + end.stdout).not.toMatch(/^ +at .*:\d+:\d+|This is a bug|Warning:/m);
	expect(end.exitCode).toBe(wanted.exitCode);
}
