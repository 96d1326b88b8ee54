import type { FleetInstance } from '../model/instance.ts';
import { LEGACY_GENERATION, type Listing } from '../model/lineage.ts';

/**
 * @returns what this instance may follow, in one call: the lineage, and the original's snapshots only as long as it
 * has neither applied nor published anything of a lineage. From then on no old leader is listened to again.
 */
export async function listSnapshots({ repository, state }: FleetInstance): Promise<Listing> {
	const { position } = state.read();
	const hasJoined = position !== null && position.generation > LEGACY_GENERATION;
	if (!hasJoined) return repository.listWithLegacy();
	return { published: await repository.list(), legacy: [] };
}
