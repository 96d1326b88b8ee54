import { describe, expect, test } from 'vitest';
import { configProblems, goodConfig, loadTestConfig } from '../../test/kit/load-test-config.ts';
import { describeConfig } from './describe-config.ts';

describe('ntfy', () => {
	test.each([
		['ntfy.sh/topic', 'https://ntfy.sh/topic'],
		['http://10.0.0.1:8080/topic', 'http://10.0.0.1:8080/topic'],
		['localhost:8080/base/topic/', 'https://localhost:8080/base/topic'],
		['kuma:p%40ss@ntfy.example.com/topic', 'https://kuma:p%40ss@ntfy.example.com/topic'],
		['  https://ntfy.sh/topic\n', 'https://ntfy.sh/topic'],
	])('%j means %s', (text, url) => {
		expect(goodConfig({ NTFY_URL: text }).ntfy).toEqual({ url });
	});

	test.each([
		'ntfy.sh',
		'https://ntfy.sh/',
		'ftp://ntfy.sh/topic',
		'https://',
		'https://a b/topic',
		'u:%zz@h/topic',
	])('%j is a problem, and its message does not quote it', (text) => {
		const [problem = '', ...others] = configProblems({ NTFY_URL: text });

		expect(others).toEqual([]);
		expect(problem.slice('NTFY_URL: '.length)).toMatch(/^The address is not one of an ntfy topic\./);
		expect(problem).not.toContain(`${text} `);
	});

	test('a token goes with the address, but not with credentials in it', () => {
		expect(goodConfig({ NTFY_URL: 'ntfy.sh/topic', NTFY_TOKEN: 'tk_1234' }).ntfy).toEqual({
			url: 'https://ntfy.sh/topic',
			token: 'tk_1234',
		});
		expect(configProblems({ NTFY_URL: 'u:p@ntfy.sh/topic', NTFY_TOKEN: 'tk_1234' })).toHaveLength(1);
		expect(
			configProblems({ NTFY_URL: 'ntfy.sh/topic', NTFY_TOKEN: 'tk_secret\r\nX: y' }).join(),
		).not.toContain('tk_');
		expect(loadTestConfig({ NTFY_TOKEN: 'tk_1234' }).warnings.map(({ variable }) => variable)).toEqual([
			'NTFY_TOKEN',
		]);
	});
});

describe('nudges', () => {
	test('they go where notices go, with the same token', () => {
		const { nudge } = goodConfig({ NTFY_URL: 'ntfy.sh/topic', NTFY_TOKEN: 'tk_1234' });

		expect(nudge).toEqual({
			isOn: true,
			topic: { url: 'https://ntfy.sh/topic', token: 'tk_1234' },
			isSeparate: false,
		});
	});

	test('they can have a topic of their own, with or without one for notices', () => {
		const topic = { url: 'https://ntfy.sh/nudges' };
		const env = { REPLICATOR_NUDGE_URL: 'ntfy.sh/nudges' };

		expect(goodConfig(env).nudge).toEqual({ isOn: true, topic, isSeparate: true });
		expect(goodConfig({ ...env, NTFY_URL: 'ntfy.sh/topic' }).nudge).toEqual({
			isOn: true,
			topic,
			isSeparate: true,
		});
		expect(goodConfig({ ...env, NTFY_URL: 'https://ntfy.sh/nudges/' }).nudge.isSeparate).toBe(false);
	});

	test('off is off, whatever topics there are, and a topic of their own is worth a warning then', () => {
		const { config, warnings } = loadTestConfig({
			REPLICATOR_NUDGE: 'off',
			REPLICATOR_NUDGE_URL: 'ntfy.sh/nudges',
			NTFY_URL: 'ntfy.sh/topic',
		});

		expect(config?.nudge).toEqual({ isOn: false, topic: null, isSeparate: false });
		expect(config?.ntfy).toEqual({ url: 'https://ntfy.sh/topic' });
		expect(warnings.map(({ variable }) => variable)).toEqual(['REPLICATOR_NUDGE_URL']);
		expect(configProblems({ REPLICATOR_NUDGE: 'no' })).toHaveLength(1);
	});

	test.each([
		['the server that it is for', 'https://ntfy.sh/nudges', 'tk_1234'],
		['no other server', 'https://other.example.com/nudges', undefined],
		['no other scheme', 'http://ntfy.sh/nudges', undefined],
		['nobody who is named in the address', 'https://u:p@ntfy.sh/nudges', undefined],
	])('the token is for %s', (_whom, url, token) => {
		const { nudge } = goodConfig({
			NTFY_URL: 'ntfy.sh/topic',
			NTFY_TOKEN: 'tk_1234',
			REPLICATOR_NUDGE_URL: url,
		});

		expect(nudge.topic?.url).toBe(url);
		expect(nudge.topic?.token).toBe(token);
	});

	test('without a topic for notices the token is for the one of nudges', () => {
		const { config, warnings } = loadTestConfig({
			REPLICATOR_NUDGE_URL: 'ntfy.sh/nudges',
			NTFY_TOKEN: 'tk_1234',
		});

		expect(config?.nudge.topic).toEqual({ url: 'https://ntfy.sh/nudges', token: 'tk_1234' });
		expect(warnings).toEqual([]);
	});
});

describe('heartbeat', () => {
	test.each([
		['https://kuma.example.com/api/push/k?status=up&msg=OK&ping='],
		['http://u:p%40ss@10.0.0.1:8000/ping/1234'],
	])('%j is taken as it is', (url) => {
		expect(goodConfig({ REPLICATOR_HEARTBEAT_URL: ` ${url}\n` }).heartbeatUrl).toBe(url);
	});

	test.each(['hc-ping.com/k-secret', 'ftp://host/k-secret', 'https://', 'https://u:%zz@host/k-secret'])(
		'%j is a problem, and its message does not quote it',
		(text) => {
			const problems = configProblems({ REPLICATOR_HEARTBEAT_URL: text });

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
		const config = goodConfig({ REPLICATOR_LISTEN: text, REPLICATOR_TOKEN: token });

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
		expect(
			loadTestConfig({ REPLICATOR_LISTEN: text, REPLICATOR_TOKEN: token }).config?.listen ?? null,
		).toBeNull();
	});

	test.each(['8080', '127.0.0.1:8080', '127.9.9.9:8080', '[::1]:8080', 'localhost:8080'])(
		'on this machine only (%s) no token is needed',
		(text) => {
			expect(goodConfig({ REPLICATOR_LISTEN: text })).toMatchObject({ token: null });
		},
	);

	test.each(['0.0.0.0:8080', '[::]:8080', '192.168.1.1:8080', '127.0.0.1.example.com:8080', '127.evil:1'])(
		'where other machines can connect (%s) a token is needed',
		(text) => {
			expect(configProblems({ REPLICATOR_LISTEN: text }).join()).toMatch(
				/^REPLICATOR_TOKEN: It is not set, and/,
			);
			expect(goodConfig({ REPLICATOR_LISTEN: text, REPLICATOR_TOKEN: token }).token).toBe(token);
		},
	);

	test('a token can be read from a file, and one that could be guessed is a problem that does not quote it', () => {
		const config = goodConfig({ REPLICATOR_TOKEN_FILE: '/token' }, { '/token': `${token}\n` });

		expect(config.token).toBe(token);
		expect(config.secrets).toContain(token);
		for (const bad of ['short-15-chars-', `${token} with a space`]) {
			const [problem = '', ...others] = configProblems({
				REPLICATOR_TOKEN: bad,
				REPLICATOR_LISTEN: '[::]:80',
			});
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
		expect(goodConfig({ REPLICATOR_LEADER_URL: text }).leaderUrl).toBe(url);
	});

	test.each([
		'kuma-leader:8080',
		'ftp://h/',
		'http://',
		'http://u:p-secret@h/',
		'http://h/?token=p-secret',
		'http://h/#x',
	])('REPLICATOR_LEADER_URL=%s is a problem, and its message does not quote it', (text) => {
		const [problem = '', ...others] = configProblems({ REPLICATOR_LEADER_URL: text });

		expect(others).toEqual([]);
		expect(problem).toMatch(/^REPLICATOR_LEADER_URL: The address is not one of a web server\./);
		expect(problem).not.toContain('p-secret');
	});
});
