import type { KumaClient, StatusPageGroup } from './kuma-client.ts';

/** Images of one pixel. */
export const RED_PNG =
	'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
export const BLUE_PNG =
	'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

/** Text that breaks whatever quotes, trims, guesses types or ends statements at a line's end. */
export const NASTY = '  null;\r\nO\'Brien \\ "007" — 1e5 🧪 \u202e`x` $1 %s :id; DROP TABLE monitor; --\n ';

/** Types of monitor that some releases lack, with what their form asks for; inactive, since nobody answers. */
const LATER_TYPES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
	rabbitmq: { rabbitmqNodes: ['http://127.0.0.1:9/'], rabbitmqUsername: 'guest', rabbitmqPassword: NASTY },
	snmp: { hostname: '127.0.0.1', port: 161, snmpOid: '1.3.6.1', snmpVersion: '2c', radiusPassword: 'public' },
	'system-service': { system_service_name: 'sshd.service' },
	globalping: { subtype: 'ping', hostname: '127.0.0.1', location: 'Berlin' },
	'websocket-upgrade': { url: 'ws://127.0.0.1:9/', wsSubprotocol: 'ocpp1.6' },
	ntp: { hostname: '127.0.0.1', port: 123, ntpStratumThreshold: 3 },
};

/** What {@link populateKuma} has made, by id. */
export interface Populated {
	readonly monitors: {
		readonly offices: number;
		readonly berlin: number;
		readonly shop: number;
		readonly steady: number;
		readonly doomed: number;
		readonly proxied: number;
	};
	readonly tags: { readonly region: number; readonly team: number };
	readonly notification: number;
	readonly proxy: number;
	readonly dockerHost: number;
	readonly maintenance: number;
	readonly apiKey: { readonly id: number; readonly key: string };
	readonly groups: readonly StatusPageGroup[];
}

/**
 * Does on a Kuma what people do on one: something of everything that is replicated, some of it with nasty text.
 * @param target what the active monitors look at.
 */
export async function populateKuma(
	client: KumaClient,
	options: { readonly target: string; readonly monitorTypes: ReadonlySet<string> | null },
): Promise<Populated> {
	const { target: url, monitorTypes } = options;
	const region = await client.addTag({ name: 'Region', color: '#2563EB' });
	const team = await client.addTag({ name: NASTY, color: '#DC2626' });
	const notification = await client.addNotification({
		type: 'webhook',
		name: 'Hook',
		webhookURL: 'http://127.0.0.1:9/',
		webhookContentType: 'custom',
		webhookCustomBody: NASTY,
	});
	const proxy = await client.addProxy({
		host: '127.0.0.1',
		port: 3128,
		auth: true,
		username: 'u',
		password: NASTY,
	});
	const dockerHost = await client.addDockerHost({ name: 'Dock', dockerDaemon: 'http://127.0.0.1:2375' });

	const offices = await client.addMonitor({ type: 'group', name: 'Offices' });
	const berlin = await client.addMonitor({ type: 'group', name: 'Berlin', parent: offices });
	const shop = await client.addMonitor({
		name: 'Shop',
		url,
		interval: 20,
		parent: berlin,
		description: NASTY,
		notificationIDList: { [notification]: true },
	});
	const steady = await client.addMonitor({ name: 'Steady', url, interval: 20 });
	const doomed = await client.addMonitor({ name: 'Doomed', url, interval: 20, parent: offices });
	const off = { active: false } as const;
	const proxied = await client.addMonitor({
		...off,
		name: 'Proxied',
		url,
		proxyId: proxy,
		headers: '{"a": "b;\\n"}',
	});
	await client.addMonitor({ ...off, name: NASTY, url, method: 'POST', body: NASTY, basic_auth_pass: NASTY });
	await client.addMonitor({ ...off, type: 'ping', name: 'Router', hostname: '127.0.0.1' });
	await client.addMonitor({ ...off, type: 'port', name: 'Port', hostname: '127.0.0.1', port: 9 });
	await client.addMonitor({ ...off, type: 'dns', name: 'Names', hostname: 'localhost' });
	await client.addMonitor({ ...off, type: 'push', name: 'Backup job' });
	await client.addMonitor({
		...off,
		type: 'keyword',
		name: 'Word',
		url,
		keyword: '007',
		invertKeyword: true,
	});
	await client.addMonitor({
		...off,
		type: 'docker',
		name: 'Box',
		docker_container: 'web',
		docker_host: dockerHost,
	});
	for (const [type, fields] of Object.entries(LATER_TYPES)) {
		if (monitorTypes?.has(type)) await client.addMonitor({ ...off, type, name: type, ...fields });
	}
	// The pre-release has no remote browsers, and never answers whoever adds one.
	if (client.version !== '2.0.0-dev.0') {
		const browser = await client.call(
			'addRemoteBrowser',
			{ name: 'Chromium', url: 'ws://127.0.0.1:9/' },
			null,
		);
		await client.addMonitor({
			...off,
			type: 'real-browser',
			name: 'Browser',
			url,
			remote_browser: browser.id,
		});
	}
	await client.addMonitorTag({ tagId: region, monitorId: shop, value: 'north' });
	await client.addMonitorTag({ tagId: team, monitorId: shop, value: NASTY });
	await client.addMonitorTag({ tagId: region, monitorId: offices });

	await client.addStatusPage('Our services', 'services');
	const groups = await client.saveStatusPage(
		'services',
		{ description: NASTY, customCSS: 'body {\n\tcolor: red;\n}\n', domainNameList: ['status.example.org'] },
		{
			image: `data:image/png;base64,${RED_PNG}`,
			groups: [
				{ name: 'Web', monitorList: [{ id: shop }, { id: steady }] },
				{ name: NASTY, monitorList: [{ id: doomed }] },
			],
		},
	);
	await client.addIncident('services', { title: 'Slow', content: NASTY });
	await client.addStatusPage('Internal', 'internal');
	const maintenance = await client.addMaintenance({ title: 'Update', description: NASTY });
	await client.addMaintenance({
		title: 'Every Monday',
		strategy: 'recurring-weekday',
		weekdays: [1],
		dateRange: ['2030-01-01 00:00:00', '2031-01-01 00:00:00'],
	});
	await client.addMaintenance({
		title: 'Nightly',
		strategy: 'cron',
		cron: '30 3 * * *',
		durationMinutes: 45,
	});
	const page = await client.statusPage('services');
	await client.setMaintenanceScope(maintenance, { monitors: [proxied], statusPages: [Number(page.id)] });
	const apiKey = await client.addApiKey({ name: 'Prometheus' });
	return {
		monitors: { offices, berlin, shop, steady, doomed, proxied },
		tags: { region, team },
		notification,
		proxy,
		dockerHost,
		maintenance,
		apiKey,
		groups,
	};
}
