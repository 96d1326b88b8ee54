import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unpackSqlite } from '../kit/fixtures.ts';
import { expectFailure, runCommand, runInTerminal } from '../kit/run-command.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const COMMANDS = [
	'run',
	'backup',
	'restore',
	'diff',
	'snapshots',
	'export',
	'import',
	'status',
	'doctor',
] as const;

const USAGE = { exitCode: 2, hint: /replicator-kuma --help/ };

test.each(COMMANDS)('%s --help says what it does, gives examples and names the exit codes', async (name) => {
	const { exitCode, stdout, stderr } = await runCommand([name, '--help']);

	expect(stdout).toMatch(new RegExp(`^Usage: replicator-kuma ${name} `));
	expect(stdout).toMatch(/\nExamples:\n {2}\$ .*replicator-kuma /);
	expect(stdout).toContain('Exit codes: ');
	expect(stderr).toBe('');
	expect(exitCode).toBe(0);
});

test('--help lists every command, and --version says the version', async () => {
	const help = await runCommand(['--help']);
	const version = await runCommand(['--version']);

	for (const name of COMMANDS) expect(help.stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
	expect(help.stdout).toContain('Exit codes: ');
	expect(help.exitCode).toBe(0);
	expect(version).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+$/), stderr: '' });
});

test.each([
	[['restor'], /unknown command 'restor'\n.*restore/],
	[['toString'], /unknown command 'toString'/],
	[['--josn'], /unknown option '--josn'/],
	[['status', '--josn'], /unknown option '--josn'\n.*--json/],
	[['export'], /missing required argument 'directory'/],
	[['export', 'here', '--format', 'xml'], /'xml' is invalid.*csv, sql, json/],
	[['diff', 'a', 'b', 'c'], /too many arguments/],
	[['snapshots', '--last', 'many'], /--last takes a whole number from 1, not "many"/],
])('a mistake on the command line is told in a line: %j', async (arguments_, message) => {
	const end = await runCommand(arguments_);

	expectFailure(end, { ...USAGE, message });
	expect(end.stdout).toBe('');
});

test('every problem of the configuration is told at once, with the nearest name for one that does not exist', async () => {
	const end = await runCommand(['backup'], {
		REPLICATOR_MODE: 'LEADER',
		REPLICATOR_INTERVAL: 'often',
		REPLICATOR_RETENTOIN: 'last=5',
		RESTIC_PASSWORD_FILE: '/does/not/exist',
		NTFY_TOKEN_FILE: '/does/not/exist/either',
	});

	expectFailure(end, {
		exitCode: 2,
		message: /The configuration is not usable/,
		hint: /Correct these environment variables/,
	});
	for (const problem of [
		/REPLICATOR_MODE: "LEADER" is unknown; did you mean \w+\? Valid are BACKUP, RESTORE/,
		/REPLICATOR_INTERVAL: "often" is not usable/,
		/REPLICATOR_RETENTOIN: There is no such variable; did you mean REPLICATOR_RETENTION\?/,
		/RESTIC_REPOSITORY: It is not set/,
		/RESTIC_PASSWORD_FILE: The file that it names cannot be read: ENOENT/,
		/NTFY_TOKEN_FILE: The file that it names cannot be read: ENOENT/,
	]) {
		expect(end.stderr).toMatch(problem);
	}
});

test('what is wrong with the repository is only a warning where none is needed', async () => {
	const dataDirectory = await temporaryDirectory('data');
	await unpackSqlite('plain-2.3.2.sqlite.db.gz', dataDirectory);
	const target = join(dataDirectory, 'export');

	const end = await runCommand(['export', target], {
		DATA_DIR: dataDirectory,
		RESTIC_PASSWORD_FILE: '/does/not/exist',
	});

	expect(end.stderr).toMatch(/WARN: .*variable=RESTIC_PASSWORD_FILE/);
	expect(end.exitCode).toBe(0);
});

test('status of a data directory that nobody runs on exits with 4 and says how to start', async () => {
	const dataDirectory = await temporaryDirectory('data');

	const text = await runCommand(['status'], { DATA_DIR: dataDirectory });
	const json = await runCommand(['status', '--json'], { DATA_DIR: dataDirectory });

	expect(text).toEqual({ exitCode: 4, stdout: expect.stringContaining('"replicator-kuma run"'), stderr: '' });
	expect(json).toEqual({ exitCode: 4, stdout: 'null', stderr: '' });
});

test('a terminal gets colours, unless NO_COLOR is set; anything else gets none', async () => {
	const dataDirectory = await temporaryDirectory('data');
	await writeFile(join(dataDirectory, 'db-config.json'), '{');
	const env = {
		DATA_DIR: dataDirectory,
		RESTIC_REPOSITORY: join(dataDirectory, 'repository'),
		RESTIC_PASSWORD: 'sesame-open-up',
		TERM: 'xterm',
	};

	const piped = await runCommand(['doctor'], env);
	const terminal = await runInTerminal(['doctor'], env);
	const plainTerminal = await runInTerminal(['doctor'], { ...env, NO_COLOR: '1' });

	expect(terminal).toContain('\u001b[31mPROBLEM');
	for (const output of [piped.stdout, plainTerminal]) {
		expect(output).not.toContain('\u001b');
		expect(output).toMatch(/PROBLEM +database: /);
	}
});
