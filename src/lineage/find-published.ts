import type { LineagePlace, PublishedSnapshot } from '../model/lineage.ts';
import { ReplicatorError } from '../model/replicator-error.ts';

/**
 * Finds what was published a moment ago in what is listed now. restic 0.14 tells only the beginning of its id, and no
 * version tells its time.
 * @param published.location for the message alone.
 * @throws ReplicatorError `restic-failed` when it is not there.
 */
export function findPublished(
	listed: readonly PublishedSnapshot[],
	published: {
		readonly idStart: string;
		readonly place: Pick<LineagePlace, 'digest' | 'instanceId'>;
		readonly location: string;
	},
): PublishedSnapshot {
	const { idStart, place, location } = published;
	const found = listed.find(
		({ id, digest, instanceId }) =>
			id.startsWith(idStart) && digest === place.digest && instanceId === place.instanceId,
	);
	if (found !== undefined) return found;
	throw new ReplicatorError(`What was just published is not in the list of ${location}.`, {
		code: 'restic-failed',
		hint: 'See whether somebody else forgets snapshots in this repository, or filters what it shows.',
		isRetryable: true,
	});
}
