import * as z from 'zod';
import { compareMoments, compareSnapshots } from '../lineage/snapshot-order.ts';
import type { LegacySnapshot, PublishedSnapshot } from '../model/lineage.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import { BASE_TAG, decodeTags } from './tags.ts';

const SNAPSHOTS_MAX = 100_000;

/** Of foreign snapshots nothing but the tags and the paths matters. */
const LISTED = z.object({
	id: z.string(),
	time: z.unknown(),
	hostname: z.string().default(''),
	tags: z.array(z.string()).nullish(),
	paths: z.array(z.string()).nullish(),
});
/** An empty list is `null` in some versions of restic. */
const LISTING = z.array(LISTED).max(SNAPSHOTS_MAX).nullable();

const STAMP = z.object({ id: z.string().regex(/^[0-9a-f]{64}$/), time: z.iso.datetime({ offset: true }) });

type Listed = z.infer<typeof LISTED>;

/** What the original's containers back up, and nothing else, without a tag. */
const LEGACY_PATHS = new Map<string, LegacySnapshot['version']>([
	['/replicator_kuma/current', 2],
	['/backup/current', 1],
]);

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
		const ours = STAMP.safeParse(snapshot);
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

/** @returns the snapshots that the original has made, oldest first. */
export function readLegacy(listed: readonly Listed[]): LegacySnapshot[] {
	const legacy: LegacySnapshot[] = [];
	for (const snapshot of listed) {
		const version = legacyVersionOf(snapshot);
		const known = STAMP.safeParse(snapshot);
		if (version === null || !known.success) continue;
		legacy.push({ ...known.data, hostname: snapshot.hostname, version });
	}
	return legacy.sort(compareMoments);
}

function legacyVersionOf({ tags, paths }: Listed): LegacySnapshot['version'] | null {
	const [path = '', ...others] = paths ?? [];
	if ((tags ?? []).length > 0 || others.length > 0) return null;
	return LEGACY_PATHS.get(path) ?? null;
}

/** @returns whether the original made it, for an instance that can be followed. */
export function isLegacy(listed: Listed): boolean {
	return legacyVersionOf(listed) === 2;
}

/** @returns whether the product made it, for any fleet. */
export function isOurs({ tags }: Listed): boolean {
	return tags?.includes(BASE_TAG) ?? false;
}
