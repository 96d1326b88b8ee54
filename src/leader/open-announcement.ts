import type { TakenSnapshot } from '../instance/snapshots/take-snapshot.ts';
import type { Announcement } from '../model/announcer.ts';
import type { FleetInstance } from '../model/instance.ts';
import type { PublishedSnapshot } from '../model/lineage.ts';
import type { SnapshotParent } from '../model/snapshot.ts';
import type { OpenAnnouncement } from '../model/state.ts';

/*
 * An announcement is an obligation: replicas that listen have applied it. So it is recorded durably before any of them
 * hears of it, and as long as the record is open the leader is not done: it publishes what it announced, or what takes
 * its place, or it withdraws. A failure leaves the record open, and so does a crash: the next cycle, or the next start,
 * goes on from there.
 */

/**
 * Tells replicas that listen of an edit before the repository is asked for its head, which takes most of a second. If
 * another leader published meanwhile, this is withdrawn, and whoever applied it changes over to the repository's head.
 *
 * An edit that undoes what was announced is announced as well: it takes the place of what replicas have applied.
 * @param request.knownHead the head as it was seen in the repository not long ago, where it is known.
 * @returns null when this instance is not sure to lead, or when there is nothing to say.
 */
export async function announceEarly(request: {
	readonly instance: FleetInstance;
	readonly snapshot: TakenSnapshot;
	readonly knownHead: PublishedSnapshot | null;
}): Promise<Announcement | null> {
	const { instance, snapshot, knownHead } = request;
	const { position, announced, role, heldRows, remarks } = instance.state.read();
	const { digest } = snapshot.encoded;
	if (instance.announcer === undefined || position === null || position.id === null) return null;
	// What was paused as a replica runs again before it is published.
	const wakesMonitors = remarks.some(({ kind }) => kind === 'push-paused');
	if (role !== 'leader' || heldRows.length > 0 || wakesMonitors) return null;
	if (knownHead !== null && knownHead.id !== position.id) return null;
	if (position.digest === digest && announced === null) return null;
	const { id, generation } = position;
	const announcement = makeAnnouncement({
		instance,
		snapshot,
		parent: { id, digest: position.digest },
		generation: generation + 1,
		allowsDeletes: false,
	});
	const open = openAnnouncement(announcement);
	// What is tried again after a failure is on record already.
	if (open.createdAt !== announced?.createdAt) await instance.state.save({ announced: open });
	instance.announcer.announce(announcement);
	return announcement;
}

/** @returns the announcement of a snapshot. One that takes the place of another is made later, by whatever clock. */
export function makeAnnouncement(request: {
	readonly instance: FleetInstance;
	readonly snapshot: TakenSnapshot;
	readonly parent: SnapshotParent | null;
	readonly generation: number;
	readonly allowsDeletes: boolean;
}): Announcement {
	const { instance, snapshot, parent, generation, allowsDeletes } = request;
	const { digest, tree } = snapshot.encoded;
	const { instanceId, announced } = instance.state.read();
	const { hostname } = instance;
	const manifest = snapshot.manifest(parent);
	const parentId = parent?.id ?? null;
	const createdAt = timeOf({ parentId, generation, digest, createdAt: manifest.createdAt }, announced);
	return {
		place: { hostname, generation, digest, parentId, instanceId, allowsDeletes },
		manifest: { ...manifest, createdAt },
		tree,
	};
}

function timeOf(wanted: OpenAnnouncement, announced: OpenAnnouncement | null): string {
	if (announced === null) return wanted.createdAt;
	const isSame =
		wanted.parentId === announced.parentId &&
		wanted.generation === announced.generation &&
		wanted.digest === announced.digest;
	if (isSame) return announced.createdAt;
	const earliest = Date.parse(announced.createdAt) + 1;
	return new Date(Math.max(Date.parse(wanted.createdAt), earliest)).toISOString();
}

/** @returns what is recorded of an announcement. */
export function openAnnouncement({ place, manifest }: Announcement): OpenAnnouncement {
	const { parentId, generation, digest } = place;
	return { parentId, generation, digest, createdAt: manifest.createdAt };
}

/**
 * Ends what this leader owes, when a cycle came to something else than a publish: durably first, so that a crash
 * behind it leaves nothing to be said.
 * @param request.wasOpen whether something was announced before the cycle decided.
 * @param request.head the head of the repository, where this leader holds it.
 */
export async function settleAnnouncement(request: {
	readonly instance: FleetInstance;
	readonly wasOpen: boolean;
	readonly early: Announcement | null;
	readonly head: PublishedSnapshot | null;
}): Promise<void> {
	const { instance, wasOpen, early, head } = request;
	const { announced } = instance.state.read();
	if (!wasOpen && announced === null) return;
	if (announced !== null) await instance.state.save({ announced: null });
	const { digest, generation } = early?.place ?? {};
	// It got there although the publish seemed to fail, or right before a crash.
	const isThere = early !== null && head?.digest === digest && head?.generation === generation;
	if (isThere) instance.announcer?.confirm(early);
	else instance.announcer?.withdraw();
}
