import { findHead } from '../../lineage/find-head.ts';
import type { LegacySnapshot, Listing } from '../../model/lineage.ts';
import type { Role } from '../../model/role.ts';
import { formatTime } from '../printing/print.ts';
import { type Finding, ok } from './finding.ts';

const CHECK = 'migrate';
const GUIDE = 'See docs/migration.md.';

/**
 * Says how far a repository is on its way from the original Replicator Kuma, and what comes next.
 * @param listing of the fleet that inherits the original's snapshots.
 */
export function checkMigration(request: {
	readonly listing: Listing;
	readonly role: Role;
	/** Whether this instance belongs to that fleet. */
	readonly isHeir: boolean;
}): Finding[] {
	const { listing, role, isHeir } = request;
	const followed = listing.legacy.filter(({ version }) => version === 2);
	const tooOld = listing.legacy.filter(({ version }) => version === 1);
	const newest = followed.at(-1);
	const { head } = findHead(listing.published);
	if (newest === undefined) {
		if (tooOld.length > 0 && head === null) return [describeVersion1(tooOld)];
		return [ok(CHECK, 'There is nothing of the original Replicator Kuma to follow in the repository.')];
	}
	const what = `${followed.length} snapshots of the original Replicator Kuma`;
	if (!isHeir) return [ok(CHECK, `${what} are not of this fleet; only the fleet "default" follows them.`)];
	if (head === null)
		return [warning(`The repository has only ${what}, ${nameNewest(newest)}.`, NEXT_STEP[role])];
	const isStillPublished = Date.parse(newest.time) > Date.parse(head.time);
	if (!isStillPublished) {
		return [
			ok(CHECK, `${what} are older than the newest one of this fleet, and nobody follows them any more.`),
		];
	}
	return [
		warning(
			`The original leader still publishes: ${nameNewest(newest)}, after the newest snapshot of this fleet. Nobody follows it here.`,
			`Stop the original on ${newest.hostname}, or start it with this version as a replica (REPLICATOR_MODE=RESTORE). What was edited there since is in no snapshot of this fleet. ${GUIDE}`,
		),
	];
}

const NEXT_STEP: Readonly<Record<Role, string>> = {
	replica: `This replica follows them until a leader of this version publishes. When all replicas are switched, switch the leader. ${GUIDE}`,
	leader: `Stop the original leader. With its first backup this instance leads with what it has, or, if nobody has set it up, takes the newest of these first. ${GUIDE}`,
};

function describeVersion1(snapshots: readonly LegacySnapshot[]): Finding {
	return warning(
		`The repository has ${snapshots.length} snapshots of version 1 of the original Replicator Kuma, which cannot be followed.`,
		`Start the leader with Uptime Kuma 2 and this version on its own data, and let the replicas follow it. ${GUIDE}`,
	);
}

function nameNewest({ id, time, hostname }: LegacySnapshot): string {
	return `the newest ${id.slice(0, 8)} from ${hostname}, ${formatTime(time)}`;
}

function warning(message: string, hint: string): Finding {
	return { check: CHECK, verdict: 'warning', message, hint };
}
