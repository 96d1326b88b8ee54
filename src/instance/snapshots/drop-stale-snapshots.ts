import type { FleetInstance } from '../../model/instance.ts';
import type { LineageSnapshot } from '../../model/lineage.ts';

/** Of the snapshots on disk, keeps the one that this instance holds and the head that waits for a person's decision. */
export async function dropStaleSnapshots(instance: FleetInstance, head: LineageSnapshot): Promise<void> {
	const { position } = instance.state.read();
	await instance.snapshots.dropAllBut(
		[head.digest, position?.digest].filter((digest) => digest !== undefined),
	);
}
