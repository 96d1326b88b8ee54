import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readRepositoryPassword } from '../../src/repository/repository-password.ts';
import { testRepository } from '../kit/restic.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

/** Makes a repository with the password that restic itself finds there. @returns what opens one with ours. */
async function createWith(environment: Readonly<Record<string, string>>) {
	const location = await temporaryDirectory('repository');
	const { repository } = await testRepository({
		location,
		environment: { RESTIC_PASSWORD: '', ...environment },
	});
	await repository.create();
	return async () => {
		const password = await readRepositoryPassword(environment);
		const opened = await testRepository({ location, environment: { RESTIC_PASSWORD: password } });
		return { password, id: await opened.repository.id() };
	};
}

describe('the password that is found opens what restic made', () => {
	test.each([
		['printf secret', 'secret'],
		['printf [%s] two\\ words', '[two][words]'],
		[`printf [%s] "two words" 'and "quotes"' one"two"three`, '[two words][and "quotes"][one][two][three]'],
		['printf [%s] "a \\" b" c', '[a \\" b][c]'],
		['echo \t around ', 'around'],
	])('with the command %s', async (command, expected) => {
		const open = await createWith({ RESTIC_PASSWORD_COMMAND: command });

		const { password, id } = await open();

		expect(password).toBe(expected);
		expect(id).toMatch(/^[0-9a-f]{64}$/);
	});

	test.each(['in a file\n', '\r\n  in the middle \n\n', '\ufeffbehind a mark'])(
		'in a file: %j',
		async (text) => {
			const path = join(await temporaryDirectory('secret'), 'password');
			await writeFile(path, text);
			const open = await createWith({ RESTIC_PASSWORD_FILE: path });

			expect((await open()).password).toBe(text.replace('\ufeff', '').trim());
		},
	);
});

test('a password in the environment is taken as it is', async () => {
	expect(await readRepositoryPassword({ RESTIC_PASSWORD: ' with spaces ' })).toBe(' with spaces ');
});

test('a command gets the variables of restic and nothing else of ours', async () => {
	const program = join(await temporaryDirectory('program'), 'password');
	await writeFile(program, '#!/bin/sh\nprintf %s "$AWS_PROFILE/$NOT_FOR_RESTIC"\n');
	await chmod(program, 0o700);
	process.env.NOT_FOR_RESTIC = 'x';

	const environment = { RESTIC_PASSWORD_COMMAND: program, AWS_PROFILE: 'fleet' };

	expect(await readRepositoryPassword(environment)).toBe('fleet/');
});

test.each([
	['nothing', {}],
	['a file that is not there', { RESTIC_PASSWORD_FILE: '/nowhere/hunter2' }],
	['a command that is not there', { RESTIC_PASSWORD_COMMAND: '/nowhere/program hunter2' }],
	['a command that fails', { RESTIC_PASSWORD_COMMAND: `sh -c "echo hunter2; echo hunter2 >&2; exit 3"` }],
	['a command that prints nothing', { RESTIC_PASSWORD_COMMAND: 'true hunter2' }],
	['a command of white space', { RESTIC_PASSWORD_COMMAND: ' \t' }],
])('%s gives no password, and the message quotes nothing', async (_name, environment) => {
	const error = await readRepositoryPassword(environment).catch((caught: unknown) => caught);

	expect(error).toMatchObject({ code: 'repository-password-wrong' });
	expect(String(error)).not.toContain('hunter2');
	expect(String((error as Error).cause ?? '')).not.toContain('program hunter2');
});
