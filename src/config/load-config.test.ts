import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname as systemHostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

import { isReplicatorError } from '../model/replicator-error.ts';
import { describeConfig } from './describe-config.ts';
import { type Config, loadConfig, requireConfig } from './load-config.ts';
import { RESTIC_CREDENTIALS } from './restic-variables.ts';
import { variables } from './schema.ts';

const repository = { RESTIC_REPOSITORY: '/srv/repository', RESTIC_PASSWORD: 'correct horse' };

function load(env: Record<string, string>, files: Record<string, string> = {}) {
	return loadConfig({ ...repository, ...env }, { needsRepository: true, readFile: readFrom(files) });
}

function readFrom(files: Record<string, string>) {
	return (path: string) => {
		const text = files[path];
		if (text === undefined) {
			throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' });
		}
		return text;
	};
}

function loadGood(env: Record<string, string>, files: Record<string, string> = {}): Config {
	const { config, problems } = load(env, files);
	expect(problems).toEqual([]);
	return config ?? expect.fail('no configuration');
}

function problemsOf(env: Record<string, string>, files: Record<string, string> = {}): string[] {
	const { config, problems } = load(env, files);
	expect(config).toBeNull();
	return problems.map(({ variable, message }) => `${variable}: ${message}`);
}

describe('defaults', () => {
	test('an environment with nothing but the repository makes a replica with every default', () => {
		const config = loadGood({});

		expect(config).toMatchObject({
			mode: 'RESTORE',
			dataDirectory: resolve('data'),
			repository: { environment: repository },
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
		expect(loadGood({ REPLICATOR_MODE: 'BACKUP' }).intervalMs).toBe(300_000);
		expect(loadGood({ REPLICATOR_MODE: 'BACKUP', REPLICATOR_INTERVAL: '5' }).intervalMs).toBe(5000);
	});

	test('an empty value counts as not set, unless it means something', () => {
		const meaningless = variables.filter(({ isEmptyAValue }) => isEmptyAValue !== true);
		const empty = Object.fromEntries(meaningless.map(({ name }) => [name, '']));

		expect(loadGood({ ...empty, ...repository })).toEqual(loadGood({}));
	});

	test('the name of the instance stands in front of what it notifies, and an empty prefix switches that off', () => {
		const name = { REPLICATOR_HOSTNAME: 'ber-1' };

		expect(loadGood(name).notificationPrefix).toBe('[ber-1]');
		expect(loadGood({ ...name, REPLICATOR_NOTIFICATION_PREFIX: '' }).notificationPrefix).toBe('');
		expect(loadGood({ ...name, REPLICATOR_NOTIFICATION_PREFIX: 'Berlin:' }).notificationPrefix).toBe(
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
		expect(problemsOf({ REPLICATOR_MODE: 'backup' })).toEqual([
			'REPLICATOR_MODE: "backup" is unknown; did you mean BACKUP? ' +
				'Valid are BACKUP, RESTORE, RESTORE_LOCAL_ENTITY_REPLICATION.',
		]);
	});

	test.each(['4', '86401', '12abc', '1e3', '60.0', '-60', '0x3c', ' 60', '٣٠٠', '99999999999999999999'])(
		'an interval of %j is a problem',
		(text) => {
			expect(problemsOf({ REPLICATOR_INTERVAL: text })).toHaveLength(1);
		},
	);

	test.each(['a b', '../x', 'ä', 'x'.repeat(65), 'a,b'])('a fleet named %j is a problem', (text) => {
		expect(problemsOf({ REPLICATOR_FLEET: text })).toHaveLength(1);
	});

	test.each(['two\nlines', '-x', ' ', '\u001b[31mred', 'x'.repeat(101)])(
		'a hostname of %j is a problem',
		(text) => {
			expect(problemsOf({ REPLICATOR_HOSTNAME: text })).toHaveLength(1);
		},
	);

	test('a long or multi-line value is quoted on one short line', () => {
		const [problem = ''] = problemsOf({ REPLICATOR_MODE: `a\n${'b'.repeat(10_000)}` });

		expect(problem.length).toBeLessThan(300);
		expect(problem).not.toContain('\n');
	});

	test('an unknown name of ours is a warning with the nearest known one', () => {
		const { config, warnings } = load({ REPLICATOR_INTERVALL: '60', REPLICATOR_MOD: 'BACKUP', REPLICA: 'x' });

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
		const env = { ...repository, RESTIC_PASSWORD_COMMAND: 'pass', AWS_SECRET_ACCESS_KEY_FILE: '/nowhere' };

		const { config, warnings } = loadConfig(env, { needsRepository: false, readFile: readFrom({}) });

		expect(config).not.toBeNull();
		expect(warnings.map(({ variable }) => variable)).toEqual([
			'AWS_SECRET_ACCESS_KEY_FILE',
			'RESTIC_PASSWORD_COMMAND',
		]);
	});

	test('two locations, or two passwords, are a problem', () => {
		const files = { '/p': 'x', '/r': 'x' };

		expect(problemsOf({ RESTIC_REPOSITORY_FILE: '/r' }, files)).toEqual([
			'RESTIC_REPOSITORY_FILE: RESTIC_REPOSITORY is set as well. Remove one of the two.',
		]);
		expect(problemsOf({ RESTIC_PASSWORD_FILE: '/p' }, files)).toHaveLength(1);
		expect(problemsOf({ RESTIC_PASSWORD_COMMAND: 'echo x' })).toHaveLength(1);
	});

	test("restic's own files are handed on, and their secrets are known", () => {
		const env = {
			RESTIC_REPOSITORY: '',
			RESTIC_REPOSITORY_FILE: '/r',
			RESTIC_PASSWORD: '',
			RESTIC_PASSWORD_FILE: '/p',
		};

		const config = loadGood(env, { '/r': 'rest:https://kuma:s%26cret@host/\n', '/p': 'correct horse\n' });

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

		const config = loadGood({
			...known,
			PATH: '/bin',
			HOME: '/root',
			NODE_OPTIONS: '-x',
			REPLICATOR_FLEET: 'f',
		});

		expect(config.repository.environment).toEqual({ ...repository, ...known });
	});
});

describe('secrets in files', () => {
	test.each(RESTIC_CREDENTIALS)('%s can be read from a file', (name) => {
		const config = loadGood({ [`${name}_FILE`]: '/run/secrets/it' }, { '/run/secrets/it': 'in the file\n' });

		expect(config.repository.environment).toEqual({ ...repository, [name]: 'in the file' });
		expect(config.origins.get(name)).toBe('file /run/secrets/it');
	});

	test('only the one newline at the end of the file is removed', () => {
		const config = loadGood({ ST_KEY_FILE: '/k' }, { '/k': ' a b \n\r\n' });

		expect(config.repository.environment.ST_KEY).toBe(' a b \n');
	});

	test('a secret given twice, in an unreadable file or in an empty one is a problem that quotes neither', () => {
		const env = {
			B2_ACCOUNT_KEY: 'hunter2-value',
			B2_ACCOUNT_KEY_FILE: '/twice',
			AWS_SECRET_ACCESS_KEY_FILE: 'hunter2-instead-of-a-path',
			NTFY_TOKEN_FILE: '/empty',
		};

		const problems = problemsOf(env, { '/twice': 'x', '/empty': '\n' });

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
			loadConfig({ ...repository, ST_KEY_FILE: path }, { needsRepository: true });

		const good = loadFile(join(directory, 'key'));
		const bad = ['', 'missing', 'huge'].map((name) => loadFile(join(directory, name)).problems[0]?.message);

		expect(good.config?.repository.environment.ST_KEY).toBe('real key');
		expect(bad[0]).toContain('it is not a regular file');
		expect(bad[1]).toContain('ENOENT');
		expect(bad[2]).toContain('larger than 65536 bytes');
	});
});

describe('ntfy', () => {
	test.each([
		['ntfy.sh/topic', 'https://ntfy.sh/topic'],
		['http://10.0.0.1:8080/topic', 'http://10.0.0.1:8080/topic'],
		['localhost:8080/base/topic/', 'https://localhost:8080/base/topic'],
		['kuma:p%40ss@ntfy.example.com/topic', 'https://kuma:p%40ss@ntfy.example.com/topic'],
		['  https://ntfy.sh/topic\n', 'https://ntfy.sh/topic'],
	])('%j means %s', (text, url) => {
		expect(loadGood({ NTFY_URL: text }).ntfy).toEqual({ url });
	});

	test.each([
		'ntfy.sh',
		'https://ntfy.sh/',
		'ftp://ntfy.sh/topic',
		'https://',
		'https://a b/topic',
		'u:%zz@h/topic',
	])('%j is a problem, and its message does not quote it', (text) => {
		const [problem = '', ...others] = problemsOf({ NTFY_URL: text });

		expect(others).toEqual([]);
		expect(problem.slice('NTFY_URL: '.length)).toMatch(/^The address is not one of an ntfy topic\./);
		expect(problem).not.toContain(`${text} `);
	});

	test('a token goes with the address, but not with credentials in it', () => {
		expect(loadGood({ NTFY_URL: 'ntfy.sh/topic', NTFY_TOKEN: 'tk_1234' }).ntfy).toEqual({
			url: 'https://ntfy.sh/topic',
			token: 'tk_1234',
		});
		expect(problemsOf({ NTFY_URL: 'u:p@ntfy.sh/topic', NTFY_TOKEN: 'tk_1234' })).toHaveLength(1);
		expect(problemsOf({ NTFY_URL: 'ntfy.sh/topic', NTFY_TOKEN: 'tk_secret\r\nX: y' }).join()).not.toContain(
			'tk_',
		);
		expect(load({ NTFY_TOKEN: 'tk_1234' }).warnings.map(({ variable }) => variable)).toEqual(['NTFY_TOKEN']);
	});
});

describe('nudges', () => {
	test('they go where notices go, with the same token', () => {
		const { nudge } = loadGood({ NTFY_URL: 'ntfy.sh/topic', NTFY_TOKEN: 'tk_1234' });

		expect(nudge).toEqual({
			isOn: true,
			topic: { url: 'https://ntfy.sh/topic', token: 'tk_1234' },
			isSeparate: false,
		});
	});

	test('they can have a topic of their own, with or without one for notices', () => {
		const topic = { url: 'https://ntfy.sh/nudges' };
		const env = { REPLICATOR_NUDGE_URL: 'ntfy.sh/nudges' };

		expect(loadGood(env).nudge).toEqual({ isOn: true, topic, isSeparate: true });
		expect(loadGood({ ...env, NTFY_URL: 'ntfy.sh/topic' }).nudge).toEqual({
			isOn: true,
			topic,
			isSeparate: true,
		});
		expect(loadGood({ ...env, NTFY_URL: 'https://ntfy.sh/nudges/' }).nudge.isSeparate).toBe(false);
	});

	test('off is off, whatever topics there are, and a topic of their own is worth a warning then', () => {
		const { config, warnings } = load({
			REPLICATOR_NUDGE: 'off',
			REPLICATOR_NUDGE_URL: 'ntfy.sh/nudges',
			NTFY_URL: 'ntfy.sh/topic',
		});

		expect(config?.nudge).toEqual({ isOn: false, topic: null, isSeparate: false });
		expect(config?.ntfy).toEqual({ url: 'https://ntfy.sh/topic' });
		expect(warnings.map(({ variable }) => variable)).toEqual(['REPLICATOR_NUDGE_URL']);
		expect(problemsOf({ REPLICATOR_NUDGE: 'no' })).toHaveLength(1);
	});

	test.each([
		['the server that it is for', 'https://ntfy.sh/nudges', 'tk_1234'],
		['no other server', 'https://other.example.com/nudges', undefined],
		['no other scheme', 'http://ntfy.sh/nudges', undefined],
		['nobody who is named in the address', 'https://u:p@ntfy.sh/nudges', undefined],
	])('the token is for %s', (_whom, url, token) => {
		const { nudge } = loadGood({
			NTFY_URL: 'ntfy.sh/topic',
			NTFY_TOKEN: 'tk_1234',
			REPLICATOR_NUDGE_URL: url,
		});

		expect(nudge.topic?.url).toBe(url);
		expect(nudge.topic?.token).toBe(token);
	});

	test('without a topic for notices the token is for the one of nudges', () => {
		const { config, warnings } = load({ REPLICATOR_NUDGE_URL: 'ntfy.sh/nudges', NTFY_TOKEN: 'tk_1234' });

		expect(config?.nudge.topic).toEqual({ url: 'https://ntfy.sh/nudges', token: 'tk_1234' });
		expect(warnings).toEqual([]);
	});
});

describe('heartbeat', () => {
	test.each([
		['https://kuma.example.com/api/push/k?status=up&msg=OK&ping='],
		['http://u:p%40ss@10.0.0.1:8000/ping/1234'],
	])('%j is taken as it is', (url) => {
		expect(loadGood({ REPLICATOR_HEARTBEAT_URL: ` ${url}\n` }).heartbeatUrl).toBe(url);
	});

	test.each(['hc-ping.com/k-secret', 'ftp://host/k-secret', 'https://', 'https://u:%zz@host/k-secret'])(
		'%j is a problem, and its message does not quote it',
		(text) => {
			const problems = problemsOf({ REPLICATOR_HEARTBEAT_URL: text });

			expect(problems).toHaveLength(1);
			expect(problems[0]).toContain('http://');
			expect(problems[0]).not.toContain('secret');
		},
	);
});

describe('HTTP', () => {
	const token = 'token-secret-0123456789';

	test.each([
		['8080', { host: '127.0.0.1', port: 8080 }],
		['0.0.0.0:1', { host: '0.0.0.0', port: 1 }],
		['kuma-1.example:65535', { host: 'kuma-1.example', port: 65_535 }],
		['[::1]:8080', { host: '::1', port: 8080 }],
		['[::]:8080', { host: '::', port: 8080 }],
	])('REPLICATOR_LISTEN=%s is understood, and written as it is', (text, listen) => {
		const config = loadGood({ REPLICATOR_LISTEN: text, REPLICATOR_TOKEN: token });

		expect(config.listen).toEqual(listen);
		const row = describeConfig(config).find(({ name }) => name === 'REPLICATOR_LISTEN');
		expect(row?.value).toBe(text === '8080' ? '127.0.0.1:8080' : text);
	});

	test.each([
		'',
		'0',
		'65536',
		'0.0.0.0',
		':8080',
		'::1:8080',
		'[x]:1',
		'[1:2]:1',
		'http://h:1',
		'h:1/',
		'h h:1',
	])('REPLICATOR_LISTEN=%j is a problem, or nothing', (text) => {
		expect(load({ REPLICATOR_LISTEN: text, REPLICATOR_TOKEN: token }).config?.listen ?? null).toBeNull();
	});

	test.each(['8080', '127.0.0.1:8080', '127.9.9.9:8080', '[::1]:8080', 'localhost:8080'])(
		'on this machine only (%s) no token is needed',
		(text) => {
			expect(loadGood({ REPLICATOR_LISTEN: text })).toMatchObject({ token: null });
		},
	);

	test.each(['0.0.0.0:8080', '[::]:8080', '192.168.1.1:8080', '127.0.0.1.example.com:8080', '127.evil:1'])(
		'where other machines can connect (%s) a token is needed',
		(text) => {
			expect(problemsOf({ REPLICATOR_LISTEN: text }).join()).toMatch(/^REPLICATOR_TOKEN: It is not set, and/);
			expect(loadGood({ REPLICATOR_LISTEN: text, REPLICATOR_TOKEN: token }).token).toBe(token);
		},
	);

	test('a token can be read from a file, and one that could be guessed is a problem that does not quote it', () => {
		const config = loadGood({ REPLICATOR_TOKEN_FILE: '/token' }, { '/token': `${token}\n` });

		expect(config.token).toBe(token);
		expect(config.secrets).toContain(token);
		for (const bad of ['short-15-chars-', `${token} with a space`]) {
			const [problem = '', ...others] = problemsOf({ REPLICATOR_TOKEN: bad, REPLICATOR_LISTEN: '[::]:80' });
			expect(others).toEqual([]);
			expect(problem).toMatch(/^REPLICATOR_TOKEN: /);
			expect(problem).not.toContain(bad);
		}
	});

	test.each([
		['http://kuma-leader:8080', 'http://kuma-leader:8080'],
		['https://leader.example/kuma/', 'https://leader.example/kuma'],
		['http://[::1]:8080/', 'http://[::1]:8080'],
	])('REPLICATOR_LEADER_URL=%s is understood', (text, url) => {
		expect(loadGood({ REPLICATOR_LEADER_URL: text }).leaderUrl).toBe(url);
	});

	test.each([
		'kuma-leader:8080',
		'ftp://h/',
		'http://',
		'http://u:p-secret@h/',
		'http://h/?token=p-secret',
		'http://h/#x',
	])('REPLICATOR_LEADER_URL=%s is a problem, and its message does not quote it', (text) => {
		const [problem = '', ...others] = problemsOf({ REPLICATOR_LEADER_URL: text });

		expect(others).toEqual([]);
		expect(problem).toMatch(/^REPLICATOR_LEADER_URL: The address is not one of a web server\./);
		expect(problem).not.toContain('p-secret');
	});
});

describe('describeConfig', () => {
	const env = {
		RESTIC_REPOSITORY: 'rest:https://kuma:repository-secret@host:8000/fleet',
		RESTIC_PASSWORD: 'password-secret',
		AWS_ACCESS_KEY_ID: 'id-secret',
		AWS_SECRET_ACCESS_KEY_FILE: '/key',
		RCLONE_CONFIG_BOX_PASS: 'rclone-secret',
		RCLONE_ASK_PASSWORD: 'false',
		NTFY_URL: 'https://me:url-secret@ntfy.example.com/topic-secret',
		REPLICATOR_NUDGE_URL_FILE: '/nudge',
		REPLICATOR_HEARTBEAT_URL: 'https://hc.example.com/a9b8c7d6e5-secret/api?status=up&q=query-secret',
		REPLICATOR_TOKEN: 'a-long-token-secret',
		REPLICATOR_RETENTION: 'days=0',
		REPLICATOR_GUARD_MONITORS: '7%,3',
		REPLICATOR_INTERVAL: '60',
	};
	const files = { '/key': 'key-secret\n', '/nudge': 'ntfy.example.com/nudges-secret\n' };

	test('a name that names a file is a known one', () => {
		expect(load(env, files).warnings).toEqual([]);
		expect(load({ REPLICATOR_NUDGE_FILE: '/x' }).warnings).toHaveLength(1);
	});

	test('rows show what applies and where it comes from', () => {
		const rows = describeConfig(loadGood(env, files));
		const shown = new Map(rows.map(({ name, value, origin }) => [name, `${value} (${origin})`]));

		expect(shown.get('REPLICATOR_MODE')).toBe('RESTORE (default)');
		expect(shown.get('REPLICATOR_INTERVAL')).toBe('60 (environment)');
		expect(shown.get('REPLICATOR_RETENTION')).toBe('last=100,days=0,months=12 (environment)');
		expect(shown.get('REPLICATOR_GUARD_MONITORS')).toBe('7%,3 (environment)');
		expect(shown.get('RESTIC_REPOSITORY')).toBe('rest:https://kuma:***@host:8000/fleet (environment)');
		expect(shown.get('RESTIC_PASSWORD')).toBe('*** (environment)');
		expect(shown.get('AWS_SECRET_ACCESS_KEY')).toBe('*** (file /key)');
		expect(shown.get('RCLONE_ASK_PASSWORD')).toBe('false (environment)');
		expect(shown.get('NTFY_URL')).toBe('https://ntfy.example.com/*** (environment)');
		expect(shown.get('NTFY_TOKEN')).toBe('null (default)');
		expect(shown.get('REPLICATOR_NUDGE')).toBe('on (default)');
		expect(shown.get('REPLICATOR_NUDGE_URL')).toBe('https://ntfy.example.com/*** (file /nudge)');
		expect(shown.get('REPLICATOR_HEARTBEAT_URL')).toBe('https://hc.example.com/*** (environment)');
	});

	test('no secret is in any row, and every secret is in the list for whoever writes logs', () => {
		const config = loadGood(env, files);

		expect(JSON.stringify(describeConfig(config))).not.toContain('-secret');
		expect(config.secrets).toEqual(
			expect.arrayContaining([
				'repository-secret',
				'password-secret',
				'id-secret',
				'key-secret',
				'rclone-secret',
				'url-secret',
				'a-long-token-secret',
				'ntfy.example.com/topic-secret',
				'ntfy.example.com/nudges-secret',
				'hc.example.com/a9b8c7d6e5-secret/api?status=up&q=query-secret',
				'hc.example.com/a9b8c7d6e5-secret/api',
				'a9b8c7d6e5-secret',
			]),
		);
		expect(config.secrets).not.toContain('api');
		expect(config.secrets).not.toContain('false');
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
