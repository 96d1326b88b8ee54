import * as z from 'zod';
import type { PublishedSnapshot } from '../model/lineage.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import { compareSnapshots } from './snapshot-order.ts';
import { BASE_TAG, decodeTags } from './tags.ts';

const SNAPSHOTS_MAX = 100_000;

/** Of foreign snapshots nothing but the tags matters. */
const LISTED = z.object({
	id: z.string(),
	time: z.unknown(),
	hostname: z.string().default(''),
	tags: z.array(z.string()).nullish(),
});
/** An empty list is `null` in some versions of restic. */
const LISTING = z.array(LISTED).max(SNAPSHOTS_MAX).nullable();

const OURS = z.object({ id: z.string().regex(/^[0-9a-f]{64}$/), time: z.iso.datetime({ offset: true }) });

type Listed = z.infer<typeof LISTED>;

/** @returns what `restic snapshots --json` printed. @throws ReplicatorError `restic-failed` when it cannot be read. */
export function parseListing(stdout: string): Listed[] {
	try {
		return LISTING.parse(JSON.parse(stdout)) ?? [];
	} catch (cause) {
		throw new ReplicatorError("restic's list of snapshots could not be read.", {
			code: 'restic-failed',
			hint: `See what "restic snapshots --json --no-lock" prints: a list of at most ${SNAPSHOTS_MAX} snapshots is expected.`,
			cause,
		});
	}
}

/**
 * @returns the snapshots of one fleet, oldest generation first. One that claims to be of the fleet but does not say
 * where it stands is left out and reported: it must neither lead the fleet nor bring it to a halt.
 */
export function readLineage(
	fleet: string,
	listed: readonly Listed[],
	onIgnored: (ignored: { readonly id: string; readonly reason: string }) => void,
): PublishedSnapshot[] {
	const lineage: PublishedSnapshot[] = [];
	for (const snapshot of listed) {
		const decoded = decodeTags(fleet, snapshot.tags ?? []);
		const ours = OURS.safeParse(snapshot);
		if (decoded.outcome === 'broken') {
			onIgnored({ id: snapshot.id, reason: decoded.reason });
		} else if (decoded.outcome === 'ours' && !ours.success) {
			onIgnored({ id: snapshot.id, reason: 'its id or its time is not what restic writes' });
		} else if (decoded.outcome === 'ours' && ours.success) {
			lineage.push({ ...ours.data, hostname: snapshot.hostname, ...decoded.place });
		}
	}
	return lineage.sort(compareSnapshots);
}

/** @returns whether the product made it, for any fleet. */
export function isOurs({ tags }: Listed): boolean {
	return tags?.includes(BASE_TAG) ?? false;
}
