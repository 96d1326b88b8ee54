import type { KumaClient, StatusPageGroup } from '../../test/kit/kuma-client.ts';
import { TARGET_TEXT, type Target } from './start-target.ts';

/** What of the sample is edited later. */
export interface Sample {
	readonly shopId: number;
	readonly searchId: number;
	readonly oldShopId: number;
	readonly groupId: number;
	readonly tagId: number;
	readonly notificationId: number;
	readonly proxyId: number;
	readonly slug: string;
	readonly statusPageGroups: readonly StatusPageGroup[];
}

/** The shortest that Kuma allows. */
const INTERVAL_SECONDS = 20;
const SLUG = 'services';
/** One red pixel. */
const LOGO =
	'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** Fills the leader through Kuma's own socket, as a person does on its pages: something of everything. */
export async function createSample(client: KumaClient, target: Target): Promise<Sample> {
	const notificationId = await client.addNotification({
		type: 'webhook',
		name: 'On-call',
		webhookURL: `${target.url}alerts`,
		webhookContentType: 'json',
	});
	const proxyId = await client.addProxy({ host: '127.0.0.1', port: target.port });
	await client.addDockerHost({ name: 'Docker in the rack', dockerDaemon: target.url });
	await client.addApiKey({ name: 'Prometheus' });
	const tagId = await client.addTag({ name: 'Team', color: '#2563EB' });
	const { groupId, ...monitors } = await createMonitors(client, { target, notificationId, proxyId });
	await client.addMonitorTag({ tagId, monitorId: monitors.shopId, value: 'web' });
	const statusPageGroups = await createStatusPage(client, [monitors.shopId, monitors.searchId]);
	await client.addIncident(SLUG, { title: 'Search is slow', content: 'We are looking into it.' });
	await createMaintenance(client, monitors.shopId);
	return { groupId, tagId, notificationId, proxyId, slug: SLUG, statusPageGroups, ...monitors };
}

async function createMonitors(
	client: KumaClient,
	links: { readonly target: Target; readonly notificationId: number; readonly proxyId: number },
) {
	const { url, port } = links.target;
	const groupId = await client.addMonitor({ type: 'group', name: 'Services', interval: INTERVAL_SECONDS });
	const fields = { interval: INTERVAL_SECONDS, parent: groupId, url };
	const notificationIDList = { [links.notificationId]: true };
	const shopId = await client.addMonitor({ ...fields, name: 'Shop', notificationIDList });
	const keyword = { type: 'keyword', keyword: TARGET_TEXT };
	const searchId = await client.addMonitor({ ...fields, ...keyword, name: 'Search' });
	const database = { type: 'port', hostname: '127.0.0.1', port: String(port) };
	await client.addMonitor({ ...fields, ...database, name: 'Database' });
	await client.addMonitor({ ...fields, name: 'Partner, through a proxy', proxyId: links.proxyId });
	const oldShopId = await client.addMonitor({ ...fields, name: 'Old shop', active: false });
	return { groupId, shopId, searchId, oldShopId };
}

async function createStatusPage(
	client: KumaClient,
	monitorIds: readonly number[],
): Promise<readonly StatusPageGroup[]> {
	await client.addStatusPage('Our services', SLUG);
	return client.saveStatusPage(
		SLUG,
		{ description: 'How we are doing', domainNameList: ['status.example.org'] },
		{ image: LOGO, groups: [{ name: 'Web', monitorList: monitorIds.map((id) => ({ id })) }] },
	);
}

async function createMaintenance(client: KumaClient, monitorId: number): Promise<void> {
	const { id } = await client.statusPage(SLUG);
	const maintenance = await client.addMaintenance({ title: 'Nightly update', strategy: 'cron' });
	await client.setMaintenanceScope(maintenance, { monitors: [monitorId], statusPages: [Number(id)] });
}
