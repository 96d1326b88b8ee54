import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname as systemHostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
	configProblems,
	goodConfig,
	loadTestConfig,
	REPOSITORY,
	readFrom,
} from '../../test/kit/load-test-config.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import { configurationError, loadConfig, requireConfig } from './load-config.ts';
import { RESTIC_CREDENTIALS } from './restic-variables.ts';
import { variables } from './schema.ts';

describe('defaults', () => {
	test('an environment with nothing but the repository makes a replica with every default', () => {
		const config = goodConfig({});

		expect(config).toMatchObject({
			mode: 'RESTORE',
			dataDirectory: resolve('data'),
			repository: { environment: REPOSITORY },
			ntfy: null,
			nudge: { isOn: true, topic: null, isSeparate: false },
			heartbeatUrl: null,
			listen: null,
			token: null,
			leaderUrl: null,
			intervalMs: 360_000,
			retention: { last: 100, days: 30, months: 12 },
			guard: { share: 0.5, count: 10 },
			hostname: systemHostname(),
			fleet: 'default',
			log: { level: 'info', format: 'text' },
		});
	});

	test('a leader waits 300 seconds between cycles unless told otherwise', () => {
		expect(goodConfig({ REPLICATOR_MODE: 'BACKUP' }).intervalMs).toBe(300_000);
		expect(goodConfig({ REPLICATOR_MODE: 'BACKUP', REPLICATOR_INTERVAL: '5' }).intervalMs).toBe(5000);
	});

	test('an empty value counts as not set, unless it means something', () => {
		const meaningless = variables.filter(({ isEmptyAValue }) => isEmptyAValue !== true);
		const empty = Object.fromEntries(meaningless.map(({ name }) => [name, '']));

		expect(goodConfig({ ...empty, ...REPOSITORY })).toEqual(goodConfig({}));
	});

	test('the name of the instance stands in front of what it notifies, and an empty prefix switches that off', () => {
		const name = { REPLICATOR_HOSTNAME: 'ber-1' };

		expect(goodConfig(name).notificationPrefix).toBe('[ber-1]');
		expect(goodConfig({ ...name, REPLICATOR_NOTIFICATION_PREFIX: '' }).notificationPrefix).toBe('');
		expect(goodConfig({ ...name, REPLICATOR_NOTIFICATION_PREFIX: 'Berlin:' }).notificationPrefix).toBe(
			'Berlin:',
		);
	});

	test('every declared example and default is accepted by its own schema', () => {
		for (const { name, example, default: fallback, schema } of variables) {
			expect(schema.safeParse(example).success, `example of ${name}`).toBe(true);
			expect(fallback === null || schema.safeParse(fallback).success, `default of ${name}`).toBe(true);
		}
	});

	test('every meaning is one sentence', () => {
		for (const { name, meaning } of variables) {
			expect(meaning, name).toMatch(/^[A-Za-z][^.]*\.$/);
		}
	});
});

describe('problems', () => {
	test('all problems are found at once, each with its variable', () => {
		const { problems } = loadConfig(
			{ REPLICATOR_MODE: 'LEAD', REPLICATOR_INTERVAL: '12abc', REPLICATOR_FLEET: 'a b', NTFY_URL: 'ntfy.sh' },
			{ needsRepository: true },
		);

		expect(problems.map(({ variable }) => variable).sort()).toEqual([
			'NTFY_URL',
			'REPLICATOR_FLEET',
			'REPLICATOR_INTERVAL',
			'REPLICATOR_MODE',
			'RESTIC_PASSWORD',
			'RESTIC_REPOSITORY',
		]);
	});

	test('requireConfig throws one error with one line per problem or warning', () => {
		const error = catchError(() =>
			requireConfig({ REPLICATOR_MODE: 'LEAD', REPLICATOR_X: '1' }, { needsRepository: true }),
		);

		expect(isReplicatorError(error, 'configuration-invalid')).toBe(true);
		const lines = String(error).split('\n').slice(1);
		expect(lines).toHaveLength(4);
		expect(lines[3]).toContain('REPLICATOR_X: There is no such variable');
		expect(lines.some((line) => line.startsWith('  REPLICATOR_MODE: "LEAD" is unknown'))).toBe(true);
	});

	test('an unknown mode is answered with the nearest one and all valid ones', () => {
		expect(configProblems({ REPLICATOR_MODE: 'backup' })).toEqual([
			'REPLICATOR_MODE: "backup" is unknown; did you mean BACKUP? ' +
				'Valid are BACKUP, RESTORE, RESTORE_LOCAL_ENTITY_REPLICATION.',
		]);
	});

	test.each(['4', '86401', '12abc', '1e3', '60.0', '-60', '0x3c', ' 60', '٣٠٠', '99999999999999999999'])(
		'an interval of %j is a problem',
		(text) => {
			expect(configProblems({ REPLICATOR_INTERVAL: text })).toHaveLength(1);
		},
	);

	test.each(['a b', '../x', 'ä', 'x'.repeat(65), 'a,b'])('a fleet named %j is a problem', (text) => {
		expect(configProblems({ REPLICATOR_FLEET: text })).toHaveLength(1);
	});

	test.each(['two\nlines', '-x', ' ', '\u001b[31mred', 'x'.repeat(101)])(
		'a hostname of %j is a problem',
		(text) => {
			expect(configProblems({ REPLICATOR_HOSTNAME: text })).toHaveLength(1);
		},
	);

	test('a long or multi-line value is quoted on one short line', () => {
		const [problem = ''] = configProblems({ REPLICATOR_MODE: `a\n${'b'.repeat(10_000)}` });

		expect(problem.length).toBeLessThan(300);
		expect(problem).not.toContain('\n');
	});

	test('an unknown name of ours is a warning with the nearest known one', () => {
		const { config, warnings } = loadTestConfig({
			REPLICATOR_INTERVALL: '60',
			REPLICATOR_MOD: 'BACKUP',
			REPLICA: 'x',
		});

		expect(config).not.toBeNull();
		expect(warnings).toEqual([
			{
				variable: 'REPLICATOR_INTERVALL',
				message: 'There is no such variable; did you mean REPLICATOR_INTERVAL?',
			},
			{ variable: 'REPLICATOR_MOD', message: 'There is no such variable; did you mean REPLICATOR_MODE?' },
		]);
	});
});

describe('repository', () => {
	test('a command that does not touch the repository needs none of its variables', () => {
		const { config, problems } = loadConfig({}, { needsRepository: false });

		expect(problems).toEqual([]);
		expect(config?.repository.environment).toEqual({});
	});

	test('what is wrong with the repository is only a warning to a command that does not touch it', () => {
		const env = { ...REPOSITORY, RESTIC_PASSWORD_COMMAND: 'pass', AWS_SECRET_ACCESS_KEY_FILE: '/nowhere' };

		const { config, warnings } = loadConfig(env, { needsRepository: false, readFile: readFrom({}) });

		expect(config).not.toBeNull();
		expect(warnings.map(({ variable }) => variable)).toEqual([
			'AWS_SECRET_ACCESS_KEY_FILE',
			'RESTIC_PASSWORD_COMMAND',
		]);
	});

	test('two locations, or two passwords, are a problem', () => {
		const files = { '/p': 'x', '/r': 'x' };

		expect(configProblems({ RESTIC_REPOSITORY_FILE: '/r' }, files)).toEqual([
			'RESTIC_REPOSITORY_FILE: RESTIC_REPOSITORY is set as well. Remove one of the two.',
		]);
		expect(configProblems({ RESTIC_PASSWORD_FILE: '/p' }, files)).toHaveLength(1);
		expect(configProblems({ RESTIC_PASSWORD_COMMAND: 'echo x' })).toHaveLength(1);
	});

	test("restic's own files are handed on, and their secrets are known", () => {
		const env = {
			RESTIC_REPOSITORY: '',
			RESTIC_REPOSITORY_FILE: '/r',
			RESTIC_PASSWORD: '',
			RESTIC_PASSWORD_FILE: '/p',
		};

		const config = goodConfig(env, { '/r': 'rest:https://kuma:s%26cret@host/\n', '/p': 'correct horse\n' });

		expect(config.repository.environment).toEqual({
			RESTIC_REPOSITORY_FILE: '/r',
			RESTIC_PASSWORD_FILE: '/p',
		});
		expect(config.secrets).toEqual(expect.arrayContaining(['s%26cret', 's&cret', 'correct horse']));
	});

	test('every variable that restic and its backends know passes through, and nothing else does', () => {
		const known = {
			RESTIC_COMPRESSION: 'max',
			AWS_PROFILE: 'p',
			AWS_SHARED_CREDENTIALS_FILE: '/c',
			B2_ACCOUNT_ID: 'b',
			AZURE_ENDPOINT_SUFFIX: 'e',
			GOOGLE_APPLICATION_CREDENTIALS: '/g.json',
			ST_AUTH: 'a',
			OS_REGION_NAME: 'o',
			RCLONE_CONFIG_BOX_TYPE: 'sftp',
			RESTIC_CACERT: '/ca.pem',
		};

		const config = goodConfig({
			...known,
			PATH: '/bin',
			HOME: '/root',
			NODE_OPTIONS: '-x',
			REPLICATOR_FLEET: 'f',
		});

		expect(config.repository.environment).toEqual({ ...REPOSITORY, ...known });
	});
});

describe('secrets in files', () => {
	test.each(RESTIC_CREDENTIALS)('%s can be read from a file', (name) => {
		const config = goodConfig(
			{ [`${name}_FILE`]: '/run/secrets/it' },
			{ '/run/secrets/it': 'in the file\n' },
		);

		expect(config.repository.environment).toEqual({ ...REPOSITORY, [name]: 'in the file' });
		expect(config.origins.get(name)).toBe('file /run/secrets/it');
	});

	test('only the one newline at the end of the file is removed', () => {
		const config = goodConfig({ ST_KEY_FILE: '/k' }, { '/k': ' a b \n\r\n' });

		expect(config.repository.environment.ST_KEY).toBe(' a b \n');
	});

	test('a secret given twice, in an unreadable file or in an empty one is a problem that quotes neither', () => {
		const env = {
			B2_ACCOUNT_KEY: 'hunter2-value',
			B2_ACCOUNT_KEY_FILE: '/twice',
			AWS_SECRET_ACCESS_KEY_FILE: 'hunter2-instead-of-a-path',
			NTFY_TOKEN_FILE: '/empty',
		};

		const problems = configProblems(env, { '/twice': 'x', '/empty': '\n' });

		expect(problems).toEqual([
			'B2_ACCOUNT_KEY_FILE: B2_ACCOUNT_KEY is set as well. Remove one of the two.',
			'AWS_SECRET_ACCESS_KEY_FILE: The file that it names cannot be read: ENOENT. ' +
				'Check the path and who may read the file.',
			'NTFY_TOKEN_FILE: The file that it names is empty. Write the value into it.',
		]);
	});

	test('real files are read; a folder, a missing and a huge file are problems', () => {
		const directory = mkdtempSync(join(tmpdir(), 'replicator-config-'));
		onTestFinished(() => rmSync(directory, { recursive: true }));
		writeFileSync(join(directory, 'key'), 'real key\n', { mode: 0o600 });
		writeFileSync(join(directory, 'huge'), 'x'.repeat(65_537), { mode: 0o600 });
		const loadFile = (path: string) =>
			loadConfig({ ...REPOSITORY, ST_KEY_FILE: path }, { needsRepository: true });

		const good = loadFile(join(directory, 'key'));
		const bad = ['', 'missing', 'huge'].map((name) => loadFile(join(directory, name)).problems[0]?.message);

		expect(good.config?.repository.environment.ST_KEY).toBe('real key');
		expect(bad[0]).toContain('it is not a regular file');
		expect(bad[1]).toContain('ENOENT');
		expect(bad[2]).toContain('larger than 65536 bytes');
	});
});

function catchError(run: () => unknown): unknown {
	try {
		run();
	} catch (error) {
		return error;
	}
	return expect.fail('nothing was thrown');
}

describe('a problem', () => {
	test.each([
		['a token cut short', { REPLICATOR_TOKEN_FILE: '/f' }, 'short', 'REPLICATOR_TOKEN_FILE'],
		['half an address', { NTFY_URL_FILE: '/f' }, 'https:/', 'NTFY_URL_FILE'],
		['no address at all', { REPLICATOR_HEARTBEAT_URL_FILE: '/f' }, '\0', 'REPLICATOR_HEARTBEAT_URL_FILE'],
		['a token beside a login', { NTFY_URL_FILE: '/f', NTFY_TOKEN: 'tk_1' }, 'https://u:p@n/t', 'NTFY_TOKEN'],
		['a login beside a token', { NTFY_URL: 'https://u:p@n/t', NTFY_TOKEN_FILE: '/f' }, 'tk_1', 'NTFY_TOKEN'],
	] as const)('of what a file holds may go when the file is corrected: %s', (_what, env, text, variable) => {
		const loaded = loadTestConfig(env, { '/f': text });

		expect(loaded.problems.map((problem) => problem.variable)).toEqual([variable]);
		expect(configurationError(loaded)).toMatchObject({ isRetryable: true });
	});

	test.each([
		['of the environment alone', { NTFY_URL: 'nowhere' }],
		['of the environment beside one of a file', { NTFY_URL: 'nowhere', REPLICATOR_TOKEN_FILE: '/f' }],
	])('%s stays until a restart', (_what, env) => {
		const loaded = loadTestConfig(env, { '/f': 'short' });

		expect(configurationError(loaded)).toMatchObject({ isRetryable: false });
	});
});
