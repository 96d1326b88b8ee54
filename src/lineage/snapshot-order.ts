import type { PublishedSnapshot } from '../model/lineage.ts';

/**
 * The one order of a lineage, the same on every instance: by generation, and within a fork by (time, id), so that
 * the snapshot which wins the fork is the first of its generation.
 */
export function compareSnapshots(a: PublishedSnapshot, b: PublishedSnapshot): number {
	return a.generation - b.generation || compareMoments(a, b);
}

/** By (time, id): the order of what stands in no lineage. */
export function compareMoments(a: Moment, b: Moment): number {
	return compare(nanosecondsOf(a.time), nanosecondsOf(b.time)) || compare(a.id, b.id);
}

type Moment = Pick<PublishedSnapshot, 'time' | 'id'>;

/**
 * Instants must be compared, not texts: restic writes each leader's own time zone, and leaves out zeros at the end
 * of nanoseconds, which Date does not have.
 */
function nanosecondsOf(time: string): bigint {
	const [, seconds = '', fraction = '', zone = ''] = /^(.*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(time) ?? [];
	return BigInt(Date.parse(seconds + zone)) * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9));
}

function compare<Ordered extends bigint | string>(a: Ordered, b: Ordered): number {
	if (a === b) return 0;
	return a < b ? -1 : 1;
}
