import { describe, expect, test } from 'vitest';
import { goodConfig, loadTestConfig } from '../../test/kit/load-test-config.ts';
import { describeConfig } from './describe-config.ts';

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
		expect(loadTestConfig(env, files).warnings).toEqual([]);
		expect(loadTestConfig({ REPLICATOR_NUDGE_FILE: '/x' }).warnings).toHaveLength(1);
	});

	test('rows show what applies and where it comes from', () => {
		const rows = describeConfig(goodConfig(env, files));
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
		const config = goodConfig(env, files);

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
