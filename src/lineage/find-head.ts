import type { PublishedSnapshot } from '../model/lineage.ts';
import { compareSnapshots } from './snapshot-order.ts';

/**
 * Finds the newest snapshot of a lineage: the highest generation and, where two leaders published at once, the
 * smaller (time, id). The answer depends on the set alone, so every instance decides alike.
 * @returns the head, null when there is no snapshot, and `forks`: the others of the head's generation.
 */
export function findHead(snapshots: readonly PublishedSnapshot[]): {
	head: PublishedSnapshot | null;
	forks: PublishedSnapshot[];
} {
	const newest = snapshots.reduce((highest, { generation }) => Math.max(highest, generation), 0);
	const [head, ...forks] = snapshots.filter(({ generation }) => generation === newest).sort(compareSnapshots);
	return { head: head ?? null, forks };
}
