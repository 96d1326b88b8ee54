import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { execa } from 'execa';
import { ReplicatorError } from '../model/replicator-error.ts';
import { ambientEnvironment } from './restic/restic-environment.ts';

const COMMAND_TIMEOUT_MS = 30_000;
const PASSWORD_BYTES_MAX = 64 * 1024;

/**
 * Finds the repository's password as restic does: from RESTIC_PASSWORD, from the file that RESTIC_PASSWORD_FILE names,
 * or from what RESTIC_PASSWORD_COMMAND prints.
 * @param environment restic's own variables, complete.
 * @throws ReplicatorError `repository-password-wrong` when there is none to be had. No message quotes any of them.
 */
export async function readRepositoryPassword(environment: Readonly<Record<string, string>>): Promise<string> {
	const { RESTIC_PASSWORD, RESTIC_PASSWORD_FILE, RESTIC_PASSWORD_COMMAND } = environment;
	let password: string | undefined;
	if (RESTIC_PASSWORD_COMMAND) password = await run(RESTIC_PASSWORD_COMMAND, environment);
	else if (RESTIC_PASSWORD_FILE) password = await read(RESTIC_PASSWORD_FILE);
	else password = RESTIC_PASSWORD;
	if (password) return password;
	throw unavailable('it is empty or not set');
}

async function read(path: string): Promise<string> {
	try {
		return new TextDecoder().decode(await readFile(resolve(path))).trim();
	} catch (cause) {
		throw unavailable('the file that RESTIC_PASSWORD_FILE names cannot be read', cause);
	}
}

async function run(command: string, environment: Readonly<Record<string, string>>): Promise<string> {
	const [program, ...arguments_] = splitCommand(command);
	if (program === undefined) throw unavailable('RESTIC_PASSWORD_COMMAND names no program');
	const { failed, exitCode, stdout, timedOut } = await execa(program, arguments_, {
		env: { ...ambientEnvironment(process.env), ...environment },
		extendEnv: false,
		stdin: 'ignore',
		stderr: 'ignore',
		reject: false,
		timeout: COMMAND_TIMEOUT_MS,
		maxBuffer: PASSWORD_BYTES_MAX,
	});
	// What execa tells of a failure quotes the command, which may hold a secret: it is no cause to hand on.
	if (timedOut) throw unavailable(`RESTIC_PASSWORD_COMMAND took longer than ${COMMAND_TIMEOUT_MS} ms`);
	if (failed) throw unavailable(`RESTIC_PASSWORD_COMMAND failed (${exitCode ?? 'it was not started'})`);
	return stdout.trim();
}

/**
 * Splits a command as restic does, which runs no shell: at white space and at backslashes outside of quotes, and at
 * every quote. A quote ends where the same one comes again without a backslash in front of it, and that backslash stays.
 */
function splitCommand(command: string): string[] {
	const words: string[] = [];
	let word = '';
	let quote = '';
	let previous = '';
	for (const character of command) {
		const isQuote = previous !== '\\' && (quote === '' ? /["']/.test(character) : character === quote);
		if (isQuote) quote = quote === '' ? character : '';
		else previous = character;
		if (isQuote || (quote === '' && /[\s\\]/.test(character))) {
			if (word !== '') words.push(word);
			word = '';
		} else {
			word += character;
		}
	}
	return word === '' ? words : [...words, word];
}

function unavailable(reason: string, cause?: unknown): ReplicatorError {
	return new ReplicatorError(`The repository password is not available: ${reason}.`, {
		code: 'repository-password-wrong',
		hint: 'Check RESTIC_PASSWORD, RESTIC_PASSWORD_FILE or RESTIC_PASSWORD_COMMAND.',
		cause,
	});
}
