import type { PublishedSnapshot, Retention } from '../model/lineage.ts';
import { findHead } from './find-head.ts';
import { compareSnapshots } from './snapshot-order.ts';

/**
 * Decides which snapshots go. One stays if any rule keeps it: it is among the `last`, or it is the newest of its
 * day or month (UTC) and that is among the last `days` or `months` that have any snapshot at all, so that a fleet
 * which nobody edits keeps its history. The head always stays, and `headId`, which the caller takes for the head.
 * @returns the ids that go, oldest first.
 */
export function chooseForgotten(request: {
	readonly snapshots: readonly PublishedSnapshot[];
	readonly retention: Retention;
	readonly headId: string;
}): string[] {
	const { snapshots, retention, headId } = request;
	const newestFirst = snapshots.toSorted(compareSnapshots).reverse();
	const kept = new Set([headId]);
	const { head } = findHead(snapshots);
	if (head !== null) kept.add(head.id);
	for (const { id } of newestFirst.slice(0, retention.last)) kept.add(id);
	for (const id of newestOfEach(newestFirst, 'YYYY-MM-DD').slice(0, retention.days)) kept.add(id);
	for (const id of newestOfEach(newestFirst, 'YYYY-MM').slice(0, retention.months)) kept.add(id);
	return newestFirst
		.filter(({ id }) => !kept.has(id))
		.map(({ id }) => id)
		.reverse();
}

/** @returns for each day or month with snapshots, latest first, the id of its newest one. */
function newestOfEach(newestFirst: readonly PublishedSnapshot[], period: 'YYYY-MM-DD' | 'YYYY-MM'): string[] {
	const newest = new Map<string, string>();
	for (const { time, id } of newestFirst) {
		const name = new Date(time).toISOString().slice(0, period.length);
		if (!newest.has(name)) newest.set(name, id);
	}
	// By date and not by generation: a leader whose clock was wrong must not push other days out.
	return [...newest].sort(([a], [b]) => (a < b ? 1 : -1)).map(([, id]) => id);
}
