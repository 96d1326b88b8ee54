import { compareSnapshots } from '../lineage/snapshot-order.ts';
import type { FleetInstance } from '../model/instance.ts';
import type { PublishedSnapshot } from '../model/lineage.ts';

/** Finds what was applied ahead of the repository in what the repository has now: from then on it is like any other. */
export async function recordPosition(
	instance: FleetInstance,
	published: readonly PublishedSnapshot[],
): Promise<void> {
	const { position } = instance.state.read();
	if (position === null || position.id !== null) return;
	const { generation, digest } = position;
	const [recorded] = published
		.filter((snapshot) => snapshot.generation === generation && snapshot.digest === digest)
		.sort(compareSnapshots);
	if (recorded !== undefined)
		await instance.state.save({ position: { id: recorded.id, generation, digest } });
}
