import { withDatabase } from '../instance/with-database.ts';
import type { Loan } from '../lineage/loan.ts';
import type { FleetInstance } from '../model/instance.ts';
import type { LineagePlace } from '../model/lineage.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { AheadPosition, Position } from '../model/state.ts';
import type { GuardLimits } from '../plan/guard.ts';
import { applyTarget, type RestoreOutcome } from './restore-cycle.ts';

/**
 * plan → apply → reload of a snapshot that the leader handed over itself, while it is still on its way into the
 * repository. Only of the very next one, or of one that takes the place of the one that was handed over before:
 * whatever else came first is in the repository, and is found there.
 * @param request.place as the leader sealed it; the snapshot is kept in this instance's own store.
 * @returns null when it does not follow what is applied here, or must not be applied before the repository has it.
 */
export async function restoreAhead(request: {
	readonly instance: FleetInstance;
	readonly guard: GuardLimits | 'off';
	readonly place: LineagePlace;
	readonly loan: Loan;
}): Promise<RestoreOutcome | null> {
	const { instance, guard, place, loan } = request;
	return withDatabase(instance, async (database): Promise<RestoreOutcome | null> => {
		const snapshot = await instance.snapshots.load(place.digest);
		const { position } = instance.state.read();
		if (snapshot === null || position === null) return null;
		const replaced = await findReplaced({ instance, place, snapshot, position });
		const follows =
			isNext({ place, snapshot, position }) || (replaced !== null && isSibling(place, replaced));
		const outcome =
			follows && loan.mayBegin(place, position)
				? await applyTarget({
						instance,
						database,
						guard,
						allowsDeletes: false,
						target: { ...place, id: null, time: snapshot.manifest.createdAt },
						head: null,
						published: [],
						keepsLocalEntities: instance.mode === 'RESTORE_LOCAL_ENTITY_REPLICATION',
					})
				: null;
		const isFollowed = outcome?.outcome === 'applied' || outcome?.outcome === 'unchanged';
		if (replaced !== null && !isFollowed) loan.replace(replaced);
		return outcome;
	});
}

interface HandedOver {
	readonly place: LineagePlace;
	readonly snapshot: Snapshot;
	readonly position: Position;
}

/** What is applied here may itself be ahead of the repository; then its digest tells that it is the parent. */
function isNext({ place, snapshot, position }: HandedOver): boolean {
	if (place.parentId === null) return false;
	return (
		place.generation === position.generation + 1 &&
		snapshot.manifest.parent?.digest === position.digest &&
		(position.id === null || position.id === place.parentId)
	);
}

/**
 * @returns what is applied here ahead of the repository, when the snapshot is a later word of a leader. A genuine older
 * one, sent once more by whoever stands in between, is none.
 */
async function findReplaced({
	instance,
	place,
	snapshot,
	position,
}: HandedOver & { readonly instance: FleetInstance }): Promise<AheadPosition | null> {
	if (position.id !== null || position.digest === place.digest) return null;
	const held = await instance.snapshots.load(position.digest);
	if (held === null) return null;
	const isOfAnother = place.instanceId !== held.manifest.instanceId;
	const isLater = Date.parse(snapshot.manifest.createdAt) > Date.parse(held.manifest.createdAt);
	return isOfAnother || isLater ? position : null;
}

/** Whether a snapshot can be applied in the place of the one that was handed over before: the next one after the same parent. */
function isSibling(place: LineagePlace, replaced: AheadPosition): boolean {
	const [parentId] = replaced.ancestorIds;
	return (
		place.generation === replaced.generation &&
		place.parentId === parentId &&
		(replaced.leaderId === null || place.instanceId === replaced.leaderId)
	);
}
