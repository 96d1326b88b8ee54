import type { FleetInstance } from '../model/instance.ts';
import type { LineageSnapshot, PublishedSnapshot } from '../model/lineage.ts';
import type { Position } from '../model/state.ts';
import { compareSnapshots } from '../repository/snapshot-order.ts';

/** A repository lags behind its leader by one snapshot, or by a few if it is slow. */
const ANCESTORS_MAX = 20;

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

/** Whether a position ahead of the repository comes after that snapshot. */
export function isAheadOf(position: Position | null, head: PublishedSnapshot): boolean {
	return position !== null && position.id === null && position.ancestorIds.includes(head.id);
}

/** @returns where an instance is that held one snapshot and applied another. */
export function positionAt(snapshot: LineageSnapshot, held: Position | null): Position {
	const { id, generation, digest, parentId } = snapshot;
	if (id !== null) return { id, generation, digest };
	if (held !== null && held.generation === generation && held.digest === digest) return held;
	const older = held === null ? [] : held.id === null ? held.ancestorIds : [held.id];
	const ancestorIds = [...new Set([parentId, ...older])].filter((ancestorId) => ancestorId !== null);
	return { id, generation, digest, ancestorIds: ancestorIds.slice(0, ANCESTORS_MAX) };
}
