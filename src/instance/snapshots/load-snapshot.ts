import type { FleetInstance } from '../../model/instance.ts';
import type { LineageSnapshot } from '../../model/lineage.ts';
import { ReplicatorError } from '../../model/replicator-error.ts';
import type { Snapshot } from '../../model/snapshot.ts';

/**
 * @returns a snapshot, verified: from this instance's own store, or else fetched.
 * @throws ReplicatorError `snapshot-not-found` when neither has it.
 */
export async function loadSnapshot(instance: FleetInstance, snapshot: LineageSnapshot): Promise<Snapshot> {
	const { id, digest } = snapshot;
	const kept = await instance.snapshots.load(digest);
	if (kept !== null) return kept;
	if (id === null) {
		throw new ReplicatorError(`The snapshot ${digest.slice(0, 8)} is not kept here any more.`, {
			code: 'snapshot-not-found',
			hint: 'It comes from the repository with the next cycle.',
			isRetryable: true,
		});
	}
	return instance.stages.measure('fetch', () =>
		instance.snapshots.keep({
			digest,
			where: id.slice(0, 8),
			write: (directory) => instance.repository.fetch({ id, directory }),
		}),
	);
}
