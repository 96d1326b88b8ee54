import { expect, test } from 'vitest';
import { hostsToTry, readListenAddress } from './listen-address.ts';

const COMMAND = ['node', 'server/server.js'];

test.each([
	['nothing said', COMMAND, {}, undefined, 3001],
	['Kuma’s own variables', COMMAND, { UPTIME_KUMA_PORT: '80', UPTIME_KUMA_HOST: '10.0.0.1' }, '10.0.0.1', 80],
	['the general variables', COMMAND, { PORT: '81', HOST: '10.0.0.2' }, '10.0.0.2', 81],
	['both', COMMAND, { UPTIME_KUMA_PORT: '80', PORT: '81', UPTIME_KUMA_HOST: 'a', HOST: 'b' }, 'a', 80],
	[
		'arguments',
		[...COMMAND, '--port=82', '--host=c'],
		{ UPTIME_KUMA_PORT: '80', UPTIME_KUMA_HOST: 'a' },
		'c',
		82,
	],
	['a port that is no number', COMMAND, { UPTIME_KUMA_PORT: 'web', PORT: '81' }, undefined, 81],
	['an empty port', COMMAND, { UPTIME_KUMA_PORT: '', UPTIME_KUMA_HOST: '' }, undefined, 3001],
	['every address', COMMAND, { UPTIME_KUMA_HOST: '0.0.0.0' }, undefined, 3001],
	['every IPv6 address', COMMAND, { UPTIME_KUMA_HOST: '::' }, undefined, 3001],
])('with %s Kuma listens where its own configuration would put it', (_, command, env, host, port) => {
	expect(readListenAddress({ command, env })).toEqual({ host, port });
});

test.each(['0', '65536', '-5'])('port %s is refused', (port) => {
	expect(() => readListenAddress({ command: COMMAND, env: { UPTIME_KUMA_PORT: port } })).toThrow(
		expect.objectContaining({ code: 'configuration-invalid' }),
	);
});

test('something that listens on every address is looked for on loopback', () => {
	expect(hostsToTry({ host: undefined, port: 1 })).toEqual(['127.0.0.1', '::1']);
	expect(hostsToTry({ host: '10.0.0.1', port: 1 })).toEqual(['10.0.0.1']);
});
