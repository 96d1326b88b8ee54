import type { FleetInstance } from '../model/instance.ts';
import type { LineagePlace } from '../model/lineage.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Position } from '../model/state.ts';
import type { GuardLimits } from '../plan/guard.ts';
import { applyHead, type RestoreOutcome } from './restore-cycle.ts';
import { withDatabase } from './with-database.ts';

/**
 * plan → apply → reload of a snapshot that the leader handed over itself, while it is still on its way into the
 * repository. Only of the very next one: whatever else came first is in the repository, and is found there.
 * @param request.place as the leader sealed it; the snapshot is kept in this instance's own store.
 * @returns null when it does not follow what is applied here.
 */
export async function restoreAhead(request: {
	readonly instance: FleetInstance;
	readonly guard: GuardLimits | 'off';
	readonly place: LineagePlace;
}): Promise<RestoreOutcome | null> {
	const { instance, guard, place } = request;
	return withDatabase(instance, async (database): Promise<RestoreOutcome | null> => {
		const snapshot = await instance.snapshots.load(place.digest);
		const { position } = instance.state.read();
		if (snapshot === null || !isNext({ place, snapshot, position })) return null;
		return applyHead({
			instance,
			database,
			guard,
			allowsDeletes: false,
			head: { ...place, id: null, time: snapshot.manifest.createdAt },
			published: [],
			keepsLocalEntities: instance.mode === 'RESTORE_LOCAL_ENTITY_REPLICATION',
		});
	});
}

/** What is applied here may itself be ahead of the repository; then its digest tells that it is the parent. */
function isNext(request: {
	readonly place: LineagePlace;
	readonly snapshot: Snapshot;
	readonly position: Position | null;
}): boolean {
	const { place, snapshot, position } = request;
	if (position === null || place.parentId === null) return false;
	return (
		place.generation === position.generation + 1 &&
		snapshot.manifest.parent?.digest === position.digest &&
		(position.id === null || position.id === place.parentId)
	);
}
