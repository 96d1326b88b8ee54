import { isDeepStrictEqual } from 'node:util';
import { CATALOG } from '../../src/catalog/index.ts';
import type { TableRows } from '../../src/model/row.ts';
import type { SnapshotContent } from '../../src/model/snapshot.ts';
import type { Fleet } from './fleet-starter.ts';
import { judgeContents, type TableVerdict } from './judge-contents.ts';
import { type Progress, seconds } from './progress.ts';
import { waitForArrival, waitForPublished } from './wait-for-arrival.ts';

export interface ReplicaVerdict {
	readonly name: string;
	readonly tables: readonly TableVerdict[];
	/** The tables whose edit on the leader must not have arrived here. */
	readonly ownTables: readonly string[];
	/** How often its Kuma was restarted. */
	readonly restarts: number;
}

/**
 * Edits the leader in every way, and judges what each replica then holds. A proxy is a local entity: a replica in
 * RESTORE_LOCAL_ENTITY_REPLICATION keeps its own, so the edit of one must arrive on the other replica only.
 */
export async function checkFleet(fleet: Fleet, progress: Progress): Promise<ReplicaVerdict[]> {
	const { leader, replicas } = fleet;
	const before = await leader.content();
	await progress.step('Editing the leader: change, pause, add, delete, rename, move a proxy', () =>
		edit(fleet),
	);
	const editedAtMs = Date.now();
	const generation = await waitForPublished(leader, editedAtMs);
	await Promise.all(
		replicas.map(async (replica) => {
			await waitForArrival(replica, generation);
			progress.done(`arrived on ${replica.name} after ${seconds(Date.now() - editedAtMs)}`);
		}),
	);

	const after = await leader.content();
	if (isDeepStrictEqual(proxiesOf(before), proxiesOf(after)))
		throw new Error('The proxy that was edited on the leader has not changed there');
	const verdicts: ReplicaVerdict[] = [];
	for (const replica of replicas) {
		const keepsOwn = replica.mode === 'RESTORE_LOCAL_ENTITY_REPLICATION';
		const expected = keepsOwn ? withProxies(after, proxiesOf(before)) : after;
		const tables = judgeContents({ catalog: CATALOG, expected, found: await replica.content() });
		const status = await replica.status();
		verdicts.push({
			name: replica.name,
			tables,
			ownTables: keepsOwn ? ['proxy'] : [],
			restarts: status?.kuma.restarts ?? Number.NaN,
		});
	}
	return verdicts;
}

async function edit({ client, sample, otherTarget }: Fleet): Promise<void> {
	await client.editMonitor(sample.shopId, { interval: 30, description: 'Where people buy' });
	await client.pauseMonitor(sample.searchId);
	const added = await client.addMonitor({
		name: 'Newsletter 📮',
		url: otherTarget.url,
		interval: 30,
		parent: sample.groupId,
		notificationIDList: { [sample.notificationId]: true },
	});
	await client.addMonitorTag({ tagId: sample.tagId, monitorId: added, value: 'mail' });
	await client.deleteMonitor(sample.oldShopId);
	await client.saveStatusPage(
		sample.slug,
		{ slug: 'status', title: 'How we are' },
		{ groups: sample.statusPageGroups },
	);
	await client.addProxy({ host: '127.0.0.1', port: otherTarget.port }, sample.proxyId);
}

function proxiesOf(content: SnapshotContent): TableRows | undefined {
	return content.tables.find(({ name }) => name === 'proxy');
}

function withProxies(content: SnapshotContent, proxies: TableRows | undefined): SnapshotContent {
	const tables = content.tables.map((table) =>
		table.name === 'proxy' && proxies !== undefined ? proxies : table,
	);
	return { ...content, tables };
}
