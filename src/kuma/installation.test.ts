import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/kit/temporary-directory.ts';
import { locateKuma, readInstallation } from './installation.ts';

const MONITOR = `
	if (this.type === "http" || this.type === "keyword") {}
	else if (this.type === "ping") {} else if (this.type === 'push') {} else if (this.type === "docker") {}
	if (this.mqttCheckType === "json-query") {}
`;
const SERVER = `
	static monitorTypeList = {};
	UptimeKumaServer.monitorTypeList["dns"] = new DnsMonitorType();
	UptimeKumaServer.monitorTypeList["port"] = new TCPMonitorType();
`;

async function install(files: Record<string, string>): Promise<string> {
	const directory = await temporaryDirectory('installation');
	for (const [path, text] of Object.entries(files)) {
		await mkdir(dirname(join(directory, path)), { recursive: true });
		await writeFile(join(directory, path), text);
	}
	return directory;
}

function packageJson(name: string): string {
	return JSON.stringify({ name, version: '2.5.3' });
}

test('version, monitor types and migrations are read from the source', async () => {
	const directory = await install({
		'package.json': packageJson('uptime-kuma'),
		'server/uptime-kuma-server.js': SERVER,
		'server/model/monitor.js': MONITOR,
		'db/knex_migrations/2023-08-16-0000-create-uptime.js': '',
		'db/knex_migrations/README.md': '',
	});

	const { version, monitorTypes, migrations } = await readInstallation(directory);

	expect(version).toBe('2.5.3');
	expect([...(migrations ?? [])]).toEqual(['2023-08-16-0000-create-uptime.js']);
	expect([...(monitorTypes ?? [])].sort()).toEqual(
		['dns', 'docker', 'group', 'http', 'keyword', 'ping', 'port', 'push'].sort(),
	);
});

test('a folder of something else tells nothing', async () => {
	const other = await install({ 'package.json': packageJson('uptime-koala') });
	const broken = await install({ 'package.json': '{"name":' });

	const nothing = { version: null, monitorTypes: null, migrations: null };

	expect(await readInstallation(other)).toEqual(nothing);
	expect(await readInstallation(broken)).toEqual(nothing);
	expect(await readInstallation(join(other, 'missing'))).toEqual(nothing);
});

test('a Kuma whose source is written in another way has a version, but no types that could be missed', async () => {
	const moved = await install({ 'package.json': packageJson('uptime-kuma') });
	const rewritten = await install({
		'package.json': packageJson('uptime-kuma'),
		'server/uptime-kuma-server.js': 'for (const type of loadTypes()) list.set(type.name, type);',
		'server/model/monitor.js': MONITOR,
	});

	const versionOnly = { version: '2.5.3', monitorTypes: null, migrations: null };

	expect(await readInstallation(moved)).toEqual(versionOnly);
	expect(await readInstallation(rewritten)).toEqual(versionOnly);
});

test.each([
	[['node', 'server/server.js'], '/app'],
	[['node', '--max-old-space-size=512', '/opt/kuma/server/server.js', '--port=80'], '/opt/kuma'],
	[['npm', 'start'], '/app'],
	[['node', '../kuma/server/server.js'], '/kuma'],
])('the Kuma of `%s` is in %s', (command, directory) => {
	expect(locateKuma({ command, cwd: '/app' })).toBe(directory);
});
