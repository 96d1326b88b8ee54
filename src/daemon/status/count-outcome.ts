import type { Metrics } from '../../http/metrics.ts';
import type { PublishOutcome } from '../../leader/publish-cycle.ts';
import type { SnapshotStore } from '../../model/instance.ts';
import type { Log } from '../../model/log.ts';
import type { RestoreOutcome } from '../../replica/restore-cycle.ts';

type Outcome = PublishOutcome | RestoreOutcome;

interface CountingParts {
	readonly metrics: Metrics;
	readonly snapshots: SnapshotStore;
	readonly log: Log;
}

/** Counts in the metrics what a cycle came to. */
export function countOutcome(parts: CountingParts, outcome: Outcome): void {
	const { metrics } = parts;
	if (outcome.outcome === 'applied') {
		metrics.observeApply(outcome.plan.changes);
		metrics.observeReload(outcome.reload);
	}
	void countRows(parts, outcome);
}

/** How many rows there are, the snapshot tells that this instance holds after the cycle. */
async function countRows({ metrics, snapshots, log }: CountingParts, outcome: Outcome): Promise<void> {
	const digest = heldDigest(outcome);
	if (digest === null) return;
	try {
		const snapshot = await snapshots.load(digest);
		if (snapshot !== null) metrics.observeRows(snapshot.manifest.tables);
	} catch (error) {
		log.debug('The rows could not be counted', { error });
	}
}

function heldDigest(outcome: Outcome): string | null {
	if (outcome.outcome === 'published') return outcome.snapshot.digest;
	if (outcome.outcome !== 'applied' && outcome.outcome !== 'unchanged') return null;
	return 'target' in outcome ? outcome.target.digest : outcome.head.digest;
}
