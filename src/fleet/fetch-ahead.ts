import type { SnapshotStore } from '../model/instance.ts';
import type { LineagePlace } from '../model/lineage.ts';
import type { Log } from '../model/log.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import type { Position } from '../model/state.ts';
import type { LeaderContent } from './leader-content.ts';
import type { SnapshotHint } from './snapshot-hint.ts';

export interface AheadParts {
	readonly content: LeaderContent;
	readonly snapshots: SnapshotStore;
	/** Where this instance is. */
	readonly position: () => Position | null;
	/** A snapshot is kept here now, and may be applied. */
	readonly onHandedOver: (place: LineagePlace) => void;
	/** Aborted when this instance stops. */
	readonly signal: AbortSignal;
	readonly log: Log;
}

/**
 * Fetches a snapshot from the leader itself, before the repository has it. Its place in the lineage comes with it, and
 * is known from nowhere else: a snapshot that is kept here without being applied is fetched once more, unless the
 * repository has it.
 * @returns whether it went well, or did not have to. Never rejects.
 */
export async function fetchAhead(
	{ digest, isKept }: SnapshotHint,
	{ content, snapshots, position, onHandedOver, signal, log }: AheadParts,
): Promise<boolean> {
	try {
		if (position()?.digest === digest) return true;
		if (isKept && (await snapshots.load(digest)) !== null) return true;
		let place = null as LineagePlace | null;
		const write = async (directory: string) => {
			place = await content.fetchContent({ digest, directory });
		};
		await snapshots.keep({ digest, where: 'the leader', write });
		log.debug('Fetched a snapshot from the leader itself', { digest });
		if (place !== null) onHandedOver(place);
		return true;
	} catch (error) {
		if (signal.aborted) return false;
		// Whatever it is, the repository has the snapshot, or will; a bug is told louder.
		const write = isReplicatorError(error) ? log.debug : log.error;
		write('The leader did not hand the snapshot over; the repository does', { error });
		return false;
	}
}
