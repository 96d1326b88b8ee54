import type { FleetInstance } from '../model/instance.ts';
import type { PublishedSnapshot } from '../model/lineage.ts';
import type { Snapshot } from '../model/snapshot.ts';

/** @returns a published snapshot, verified: from this instance's own store, or else fetched. */
export async function loadSnapshot(instance: FleetInstance, published: PublishedSnapshot): Promise<Snapshot> {
	const { id, digest } = published;
	const kept = await instance.snapshots.load(digest);
	if (kept !== null) return kept;
	return instance.snapshots.keep({
		digest,
		where: id.slice(0, 8),
		write: (directory) => instance.repository.fetch({ id, directory }),
	});
}
