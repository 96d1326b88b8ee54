import { KumaClient } from '../../test/kit/kuma-client.ts';
import type { Fleet } from './fleet-starter.ts';
import { type Progress, seconds } from './progress.ts';
import { waitForArrival, waitForPublished } from './wait-for-arrival.ts';

/** Edits one monitor on the leader and tells when each replica has it, asking the replica's own Kuma. */
export async function showFirstEdit(fleet: Fleet, progress: Progress): Promise<void> {
	const { client, sample } = fleet;
	const name = 'Web shop';
	await client.editMonitor(sample.shopId, { name });
	const editedAtMs = Date.now();
	progress.done(`On the leader, the monitor "Shop" is now called "${name}"`);
	const generation = await waitForPublished(fleet.leader, editedAtMs);
	await Promise.all(
		fleet.replicas.map(async (replica) => {
			await waitForArrival(replica, generation);
			progress.done(`arrived on ${replica.name} after ${seconds(Date.now() - editedAtMs)}`);
			const shown = await shownMonitors(replica.url, fleet);
			if (shown.get(sample.shopId)?.name !== name)
				throw new Error(`The Kuma of ${replica.name} does not show the new name`);
		}),
	);
}

async function shownMonitors(url: string, { username, password }: Fleet) {
	const client = await KumaClient.connect(url);
	try {
		await client.login(username, password);
		return await client.monitorList();
	} finally {
		client.close();
	}
}
