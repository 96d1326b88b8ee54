import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KumaClient } from '../kit/kuma-client.ts';
import { type KumaInstance, startKuma } from '../kit/kuma-instance.ts';

const PNG =
	'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

describe('a client of a real Uptime Kuma', () => {
	let kuma: KumaInstance;
	let client: KumaClient;

	beforeAll(async () => {
		kuma = await startKuma({ database: 'sqlite' });
		client = await KumaClient.connect(kuma.url);
		await client.setup('admin', 'secret-12345');
	});

	afterAll(async () => {
		client?.close();
		await kuma?.discard();
	});

	function rows(sql: string, ...parameters: (string | number)[]): Record<string, unknown>[] {
		const database = new DatabaseSync(join(kuma.dataDirectory, 'kuma.db'), { readOnly: true });
		try {
			return database
				.prepare(sql)
				.all(...parameters)
				.map((row) => ({ ...row }));
		} finally {
			database.close();
		}
	}

	test('the first user is there and Kuma needs no set-up any more', async () => {
		expect(await client.needsSetup()).toBe(false);
		expect(rows('SELECT username, active FROM user')).toEqual([{ username: 'admin', active: 1 }]);
		expect(client.version).toMatch(/^2\./);
	});

	test('a monitor of every kind is added, edited, paused, resumed and deleted', async () => {
		const group = await client.addMonitor({ type: 'group', name: 'Offices' });
		const http = await client.addMonitor({ name: 'Shop', url: 'http://127.0.0.1:9/', parent: group });
		const ping = await client.addMonitor({
			type: 'ping',
			name: 'Router',
			hostname: '127.0.0.1',
			active: false,
		});
		const push = await client.addMonitor({ type: 'push', name: 'Backup job', active: false });

		expect(rows('SELECT id, type, name, parent, active FROM monitor ORDER BY id')).toEqual([
			{ id: group, type: 'group', name: 'Offices', parent: null, active: 1 },
			{ id: http, type: 'http', name: 'Shop', parent: group, active: 1 },
			{ id: ping, type: 'ping', name: 'Router', parent: null, active: 0 },
			{ id: push, type: 'push', name: 'Backup job', parent: null, active: 0 },
		]);
		expect(rows('SELECT length(push_token) > 9 AS is_set FROM monitor WHERE id = ?', push)).toEqual([
			{ is_set: 1 },
		]);

		await client.editMonitor(http, { name: 'Web shop', interval: 30 });
		await client.pauseMonitor(http);
		expect(rows('SELECT name, interval, active FROM monitor WHERE id = ?', http)).toEqual([
			{ name: 'Web shop', interval: 30, active: 0 },
		]);

		await client.resumeMonitor(http);
		await client.deleteMonitor(ping);
		expect(rows('SELECT id, active FROM monitor ORDER BY id')).toEqual([
			{ id: group, active: 1 },
			{ id: http, active: 1 },
			{ id: push, active: 0 },
		]);
		expect([...(await client.monitorList()).keys()]).toEqual([group, http, push]);
	});

	test('tags, notifications, proxies, Docker hosts and API keys are added and linked', async () => {
		const notification = await client.addNotification({
			type: 'webhook',
			name: 'Hook',
			webhookURL: 'http://127.0.0.1:9/',
			webhookContentType: 'json',
		});
		const proxy = await client.addProxy({ host: '127.0.0.1', port: 3128 });
		const dockerHost = await client.addDockerHost({ name: 'Dock', dockerDaemon: 'http://127.0.0.1:2375' });
		const tag = await client.addTag({ name: 'Region', color: '#2563EB' });
		const key = await client.addApiKey({ name: 'Prometheus' });
		const monitor = await client.addMonitor({
			name: 'Linked',
			url: 'http://127.0.0.1:9/',
			active: false,
			proxyId: proxy,
			notificationIDList: { [notification]: true },
		});
		await client.addMonitorTag({ tagId: tag, monitorId: monitor, value: 'north' });

		expect(rows('SELECT notification_id FROM monitor_notification WHERE monitor_id = ?', monitor)).toEqual([
			{ notification_id: notification },
		]);
		expect(rows('SELECT tag_id, value FROM monitor_tag WHERE monitor_id = ?', monitor)).toEqual([
			{ tag_id: tag, value: 'north' },
		]);
		expect(rows('SELECT proxy_id FROM monitor WHERE id = ?', monitor)).toEqual([{ proxy_id: proxy }]);
		expect(rows('SELECT id, name, docker_daemon FROM docker_host')).toEqual([
			{ id: dockerHost, name: 'Dock', docker_daemon: 'http://127.0.0.1:2375' },
		]);
		expect(rows('SELECT id, name, active FROM api_key')).toEqual([
			{ id: key.id, name: 'Prometheus', active: 1 },
		]);
		expect(key.key).toMatch(new RegExp(`^uk${key.id}_`));

		await client.addProxy({ host: '127.0.0.2', port: 3129 }, proxy);
		expect(rows('SELECT host, port FROM proxy')).toEqual([{ host: '127.0.0.2', port: 3129 }]);

		await client.deleteProxy(proxy);
		await client.deleteDockerHost(dockerHost);
		await client.deleteTag(tag);
		await client.deleteNotification(notification);
		await client.deleteApiKey(key.id);
		for (const table of ['proxy', 'docker_host', 'tag', 'notification', 'api_key', 'monitor_tag']) {
			expect(rows(`SELECT * FROM ${table}`), table).toEqual([]);
		}
	});

	test('a status page is added with groups, an image, a domain, an incident and a maintenance', async () => {
		const monitor = await client.addMonitor({ name: 'Public', url: 'http://127.0.0.1:9/', active: false });
		await client.addStatusPage('Our services', 'services');
		const image = `data:image/png;base64,${PNG}`;
		const groups = [{ name: 'Web', monitorList: [{ id: monitor }] }];
		const changes = { description: 'All of them', domainNameList: ['status.example.org'] };
		const saved = await client.saveStatusPage('services', changes, { image, groups });
		const incident = await client.addIncident('services', { title: 'Slow', content: 'We know.' });
		const [page] = rows('SELECT id, slug, title, description, icon FROM status_page');
		const pageId = Number(page?.id);
		const maintenance = await client.addMaintenance({ title: 'Update' });
		await client.setMaintenanceScope(maintenance, { monitors: [monitor], statusPages: [pageId] });

		expect(page).toMatchObject({ slug: 'services', title: 'Our services', description: 'All of them' });
		expect(String(page?.icon)).toMatch(/^\/upload\/logo\d+\.png/);
		expect(await readFile(join(kuma.dataDirectory, 'upload', `logo${pageId}.png`), 'base64')).toBe(PNG);
		expect(
			rows('SELECT g.id, g.name, mg.monitor_id FROM "group" g JOIN monitor_group mg ON mg.group_id = g.id'),
		).toEqual([{ id: saved[0]?.id, name: 'Web', monitor_id: monitor }]);
		expect(rows('SELECT domain FROM status_page_cname')).toEqual([{ domain: 'status.example.org' }]);
		expect(rows('SELECT id, title, style, pin FROM incident')).toEqual([
			{ id: incident, title: 'Slow', style: 'info', pin: 1 },
		]);
		expect(rows('SELECT id, title, strategy FROM maintenance')).toEqual([
			{ id: maintenance, title: 'Update', strategy: 'manual' },
		]);
		expect(rows('SELECT monitor_id FROM monitor_maintenance')).toEqual([{ monitor_id: monitor }]);
		expect(rows('SELECT status_page_id FROM maintenance_status_page')).toEqual([{ status_page_id: pageId }]);

		await client.deleteMaintenance(maintenance);
		await client.saveStatusPage('services', { slug: 'renamed' }, { groups: saved });
		expect(rows('SELECT id, slug FROM status_page')).toEqual([{ id: pageId, slug: 'renamed' }]);
		await client.deleteStatusPage('renamed');
		expect(rows('SELECT id FROM status_page')).toEqual([]);
	});

	test("what Kuma refuses is thrown with Kuma's own words", async () => {
		await expect(client.call('deleteStatusPage', 'no-such-page')).rejects.toThrow(
			'Kuma refuses deleteStatusPage',
		);
	});

	test('Kuma stops, starts again on the same data and takes the login', async () => {
		const before = rows('SELECT id, name FROM monitor ORDER BY id');
		client.close();
		await kuma.stop();
		const again = await startKuma({ database: 'sqlite', dataDirectory: kuma.dataDirectory });
		const clientAgain = await KumaClient.connect(again.url);
		try {
			await clientAgain.login('admin', 'secret-12345');

			expect([...(await clientAgain.monitorList()).keys()]).toEqual(before.map(({ id }) => id));
			expect(again.log()).toContain('Listening on');
		} finally {
			clientAgain.close();
			await again.kill();
		}
	});
});
