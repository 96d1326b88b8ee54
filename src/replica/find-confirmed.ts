import { loadSnapshot } from '../instance/snapshots/load-snapshot.ts';
import type { FleetInstance } from '../model/instance.ts';
import type { LineageSnapshot, PublishedSnapshot } from '../model/lineage.ts';
import type { Position } from '../model/state.ts';
import { keysOf } from '../plan/find-row.ts';

type IsConfirmed = (deleted: { readonly table: string; readonly key: string }) => boolean;

/**
 * Finds out which deletes a person has confirmed on the leader: those of the newest marked snapshot between the one
 * applied here and the target. A row that the marked snapshot still had was not part of what was confirmed.
 */
export async function findConfirmed(
	request: {
		readonly instance: FleetInstance;
		readonly target: LineageSnapshot;
		readonly published: readonly PublishedSnapshot[];
	},
	position: Position | null,
): Promise<IsConfirmed> {
	const marked = findMarked(request.target, request.published, position?.generation ?? 0);
	if (marked === null || position === null) return () => false;
	if (marked.id === request.target.id) return () => true;
	const keys = keysOf((await loadSnapshot(request.instance, marked)).content.tables);
	return ({ table, key }) => keys.get(table)?.has(key) !== true;
}

function findMarked(
	target: LineageSnapshot,
	published: readonly PublishedSnapshot[],
	afterGeneration: number,
): LineageSnapshot | null {
	let candidate: LineageSnapshot | undefined = target;
	while (candidate !== undefined && candidate.generation > afterGeneration) {
		if (candidate.allowsDeletes) return candidate;
		const { parentId }: LineageSnapshot = candidate;
		candidate = published.find(({ id }) => id === parentId);
	}
	return null;
}
