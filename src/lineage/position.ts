import type { LineageSnapshot, PublishedSnapshot } from '../model/lineage.ts';
import type { AheadPosition, Position } from '../model/state.ts';

/** A repository lags behind its leader by one snapshot, or by a few if it is slow. */
const ANCESTORS_MAX = 20;

/** Whether a position ahead of the repository comes after that snapshot. */
export function isAheadOf(position: Position | null, head: PublishedSnapshot): position is AheadPosition {
	return position !== null && position.id === null && position.ancestorIds.includes(head.id);
}

/**
 * @param held where the instance was before.
 * @param now milliseconds since 1970.
 * @returns where an instance is that has applied a snapshot.
 */
export function positionAt(
	snapshot: LineageSnapshot,
	{ held, now }: { readonly held: Position | null; readonly now: number },
): Position {
	const { id, generation, digest, parentId, instanceId: leaderId } = snapshot;
	if (id !== null) return { id, generation, digest };
	if (held !== null && held.generation === generation && held.digest === digest) return held;
	const older = held === null ? [] : held.id === null ? held.ancestorIds : [held.id];
	const ancestorIds = [...new Set([parentId, ...older])].filter((ancestorId) => ancestorId !== null);
	const wasAheadSince = held?.id === null ? held.since : null;
	const since = wasAheadSince ?? new Date(now).toISOString();
	return { id, generation, digest, ancestorIds: ancestorIds.slice(0, ANCESTORS_MAX), leaderId, since };
}
