import { recordPosition } from '../instance/record-position.ts';
import { dropStaleSnapshots } from '../instance/snapshots/drop-stale-snapshots.ts';
import { loadSnapshot } from '../instance/snapshots/load-snapshot.ts';
import { type TakenSnapshot, takeSnapshot } from '../instance/snapshots/take-snapshot.ts';
import { type NotSetUp, withDatabase } from '../instance/with-database.ts';
import { decide, isIntended, type LeaderOrders } from '../lineage/decide.ts';
import { findHead } from '../lineage/find-head.ts';
import { findPublished } from '../lineage/find-published.ts';
import type { Announcement } from '../model/announcer.ts';
import type { Database } from '../model/database.ts';
import type { FleetInstance } from '../model/instance.ts';
import {
	LEGACY_GENERATION,
	type LegacySnapshot,
	type PublishedSnapshot,
	type Repository,
	type Retention,
} from '../model/lineage.ts';
import { isReplicatorError, ReplicatorError } from '../model/replicator-error.ts';
import type { HeldRow, InstanceState } from '../model/state.ts';
import type { GuardLimits } from '../plan/guard.ts';
import { followLegacy } from '../replica/follow-legacy.ts';
import { listSnapshots } from '../replica/list-snapshots.ts';
import { planSnapshot } from '../replica/plan-snapshot.ts';
import { applyTarget, type RestoreOutcome } from '../replica/restore-cycle.ts';
import { writeTree } from '../snapshot/write-tree.ts';
import {
	announceEarly,
	makeAnnouncement,
	openAnnouncement,
	settleAnnouncement,
} from './open-announcement.ts';
import { resumePushMonitors } from './resume-push-monitors.ts';

/** Images that this instance's status pages show, and that the snapshot is without; absent when there is none. */
type MissingImages = TakenSnapshot['missingImages'];

export type PublishOutcome =
	| NotSetUp
	| { readonly outcome: 'wait-for-user' }
	| {
			readonly outcome: 'unchanged';
			readonly head: PublishedSnapshot;
			/** Whether the repository was asked for its head. */
			readonly wasPolled: boolean;
			readonly missingImages?: MissingImages;
	  }
	| {
			readonly outcome: 'published';
			readonly snapshot: PublishedSnapshot;
			readonly missingImages?: MissingImages;
	  }
	/** A fresh leader took over what the fleet had. */
	| { readonly outcome: 'restored-first'; readonly restore: RestoreOutcome }
	| {
			readonly outcome: 'stood-down';
			readonly reason: 'another-leader' | 'held-rows' | 'fork-lost';
			readonly head: PublishedSnapshot | null;
			readonly heldRows: readonly HeldRow[];
	  };

export interface PublishRequest {
	readonly instance: FleetInstance;
	readonly retention: Retention;
	readonly guard: GuardLimits | 'off';
	readonly orders: LeaderOrders;
	/** The head, when it was seen in the repository not long ago: what equals it need not be asked for again. */
	readonly knownHead?: PublishedSnapshot | null;
	/** The head as it was looked up while an edit settled, or null when that failed. */
	readonly foreseenHead?: Promise<PublishedSnapshot | null>;
}

/** take → publish: one cycle of a leader. */
export async function publishCycle(request: PublishRequest): Promise<PublishOutcome> {
	const { instance } = request;
	const { stages } = instance;
	return withDatabase(instance, async (database): Promise<PublishOutcome> => {
		const take = () => stages.measure('export', () => takeSnapshot(instance, database));
		let snapshot = await take();
		await instance.reload.settle();
		const known = request.knownHead ?? null;
		if (known !== null && isStillHeld(instance, known, snapshot))
			return nameMissing({ outcome: 'unchanged', head: known, wasPolled: false }, snapshot);
		const isOrdinary = !request.orders.takesOver && !request.orders.allowsDeletes && hasUsers(snapshot);
		const early = isOrdinary ? await announceEarly({ instance, snapshot, knownHead: known }) : null;
		const wasOpen = instance.state.read().announced !== null;
		const { head, legacy } = await stages.measure('poll', async () => {
			const foreseen = await findForeseenHead(request);
			return foreseen === null ? findOrCreateHead(instance, request.orders) : { head: foreseen, legacy: [] };
		});
		if (holds(instance, head) && (await resumePushMonitors(instance, database))) snapshot = await take();
		const outcome = await lead({ ...request, database, snapshot, head, legacy, early });
		// A failure does not come here: what was announced stands while it is tried again.
		if (outcome.outcome !== 'published') {
			const heldHead = outcome.outcome === 'unchanged' ? outcome.head : null;
			await settleAnnouncement({ instance, wasOpen, early, head: heldHead });
		}
		return nameMissing(outcome, snapshot);
	});
}

function nameMissing(outcome: PublishOutcome, { missingImages }: TakenSnapshot): PublishOutcome {
	const isAbout = outcome.outcome === 'published' || outcome.outcome === 'unchanged';
	return isAbout && missingImages.length > 0 ? { ...outcome, missingImages } : outcome;
}

/** Whether this instance held the head before; where nobody has led yet, whoever is made the leader does. */
function holds(instance: FleetInstance, head: PublishedSnapshot | null): boolean {
	const { position } = instance.state.read();
	if (head !== null) return head.id === position?.id;
	return position === null || position.generation === LEGACY_GENERATION;
}

/** Whether this instance led with the head, and nothing was edited since. */
function isStillHeld(instance: FleetInstance, head: PublishedSnapshot, snapshot: TakenSnapshot): boolean {
	const { position, intent, announced, role } = instance.state.read();
	const isOurs = role === 'leader' && intent === null && announced === null && position?.id === head.id;
	return isOurs && snapshot.encoded.digest === head.digest;
}

function hasUsers(snapshot: TakenSnapshot): boolean {
	return (snapshot.taken.tables.find(({ name }) => name === 'user')?.rows.length ?? 0) > 0;
}

interface Leading extends PublishRequest {
	readonly database: Database;
	readonly snapshot: TakenSnapshot;
	readonly head: PublishedSnapshot | null;
	readonly legacy: readonly LegacySnapshot[];
	/** What replicas were told already. */
	readonly early: Announcement | null;
}

async function lead(leading: Leading): Promise<PublishOutcome> {
	const { instance, database, snapshot, head, legacy, orders } = leading;
	const state = instance.state.read();
	const { digest } = snapshot.encoded;
	// Only an instance with nothing of its own takes anything from the original: who has something leads with it.
	const isEmpty = head === null && !hasUsers(snapshot);
	const original = isEmpty ? await followLegacy({ instance, database, legacy, isForced: true }) : null;
	const decision = decide({ head: head ?? original, state, digest, hasUsers: hasUsers(snapshot), orders });
	switch (decision.decision) {
		case 'wait-for-user':
			return { outcome: 'wait-for-user' };
		case 'restore-first':
			return { outcome: 'restored-first', restore: await restoreFirst(leading, decision.head) };
		case 'stand-down-held-rows':
			return { outcome: 'stood-down', reason: 'held-rows', head, heldRows: state.heldRows };
		case 'unchanged':
			await rememberPosition(leading, decision.head);
			return { outcome: 'unchanged', head: decision.head, wasPolled: true };
		case 'compare':
			return compareWithHead(leading, decision.head);
		case 'publish':
			await recordOwnHead(leading, decision.parent);
			return publish(leading, decision);
	}
}

/**
 * The head that was looked up a moment ago will do for a leader that leads with it: whoever publishes between that
 * moment and this one is found right behind the publish, as it is when both happen at once.
 */
async function findForeseenHead({
	instance,
	foreseenHead,
}: PublishRequest): Promise<PublishedSnapshot | null> {
	const head = (await foreseenHead) ?? null;
	const { position, intent, role } = instance.state.read();
	return role === 'leader' && intent === null && position?.id === head?.id ? head : null;
}

/** A leader may make the repository, but only one that it has never seen: one that vanished is trouble. */
async function findOrCreateHead(
	instance: FleetInstance,
	orders: LeaderOrders,
): Promise<Pick<Leading, 'head' | 'legacy'>> {
	const { repository } = instance;
	try {
		const { published, legacy } = await listSnapshots(instance);
		await recordPosition(instance, published);
		return { head: findHead(published).head, legacy };
	} catch (error) {
		if (!isReplicatorError(error, 'repository-missing')) throw error;
		const { position, intent } = instance.state.read();
		const hasBeenThere = position !== null || intent !== null;
		if (hasBeenThere && !orders.takesOver) throw vanished(repository, error);
		instance.log.info('There is no repository yet; creating it', { repository: repository.location });
		await repository.create();
		return { head: findHead(await repository.list()).head, legacy: [] };
	}
}

function vanished(repository: Repository, cause: unknown): ReplicatorError {
	return new ReplicatorError(`The repository ${repository.location} was there before and is gone.`, {
		code: 'repository-missing',
		hint: 'Bring it back (is the folder mounted?), or start a new one with "replicator-kuma backup --take-over".',
		isRetryable: true,
		cause,
	});
}

async function restoreFirst(leading: Leading, head: PublishedSnapshot): Promise<RestoreOutcome> {
	const { instance, database, guard } = leading;
	instance.log.info('This instance is new: taking the configuration of the fleet before leading it', {
		head: head.id,
	});
	return applyTarget({
		instance,
		database,
		guard,
		allowsDeletes: false,
		target: head,
		head,
		published: [head],
		keepsLocalEntities: false,
	});
}

/** The head is not ours by what we remember; if our database is what it says, we may lead all the same. */
async function compareWithHead(leading: Leading, head: PublishedSnapshot): Promise<PublishOutcome> {
	const { instance, database, guard } = leading;
	const theirs = await loadSnapshot(instance, head);
	const { plan } = await planSnapshot({
		instance,
		database,
		snapshot: theirs,
		previous: null,
		isFirstApply: false,
		guard,
		allowsDeletes: false,
		keepsLocalEntities: false,
	});
	const { steps, files, heldRows } = plan;
	// Settings are each instance's own: what a replica would be given is no reason not to lead.
	const differences = steps.length + files.writes.length + files.deletes.length + heldRows.length;
	if (differences === 0) {
		await rememberPosition(leading, head);
		return { outcome: 'unchanged', head, wasPolled: true };
	}
	await dropStaleSnapshots(instance, head);
	return { outcome: 'stood-down', reason: 'another-leader', head, heldRows: [] };
}

async function publish(
	leading: Leading,
	place: { readonly parent: PublishedSnapshot | null; readonly generation: number },
): Promise<PublishOutcome> {
	const { instance, snapshot, orders, early } = leading;
	const { parent, generation } = place;
	const { digest } = snapshot.encoded;
	const { stages, announcer } = instance;
	const parentId = parent?.id ?? null;
	const isEarly = early?.place.digest === digest && early.place.parentId === parentId;
	const { allowsDeletes } = orders;
	const announcement = isEarly
		? early
		: makeAnnouncement({
				instance,
				snapshot,
				parent: parent === null ? null : { id: parent.id, digest: parent.digest },
				generation,
				allowsDeletes,
			});
	// Durable before the publish: a head that is found after a crash is recognised as this instance's own.
	await instance.state.save({
		intent: { parentId, generation, digest },
		...(announcer === undefined ? {} : { announced: openAnnouncement(announcement) }),
	});
	if (!isEarly) announcer?.announce(announcement);
	const idStart = await stages.measure('publish', () => keepInRepository(instance, announcement));
	// Whoever looks now finds it; that another leader's may have won is found by everybody alike.
	announcer?.confirm(announcement);
	const lineage = await stages.measure('check', () => instance.repository.list());
	const { location } = instance.repository;
	const kept = findPublished(lineage, { idStart, place: announcement.place, location });
	const { head, forks } = findHead(lineage);
	const state = instance.state.read();
	// A backup that was carried out twice leaves a twin, and whichever of them is the head, it is this instance's own.
	const isOwn = (snapshot: PublishedSnapshot) => snapshot.id === kept.id || isIntended(state, snapshot);
	if (head !== null && !isOwn(head))
		return { outcome: 'stood-down', reason: 'fork-lost', head, heldRows: [] };
	const published = head ?? kept;
	const others = forks.filter((fork) => !isOwn(fork));
	if (others.length > 0)
		instance.log.warning('Another leader published at the same time; its snapshot lost', {
			forks: others.map(({ id }) => id),
		});
	await instance.snapshots.keep({
		digest,
		where: published.id,
		write: (directory) => writeAnnounced(directory, announcement),
	});
	await rememberPosition(leading, published, { announced: null });
	return { outcome: 'published', snapshot: published };
}

function keepInRepository(instance: FleetInstance, announcement: Announcement): Promise<string> {
	return instance.snapshots.withPublishDirectory(async (directory) => {
		await writeAnnounced(directory, announcement);
		return instance.repository.publish({ directory, ...announcement.place });
	});
}

function writeAnnounced(directory: string, { manifest, tree }: Announcement): Promise<void> {
	return writeTree({ directory, encoded: { tree }, manifest });
}

/**
 * The parent may be known as this instance's own by the intent alone, or by what the database holds. Both are about to
 * be something else, and a publish that fails then would leave a head that nobody knows.
 */
async function recordOwnHead(leading: Leading, parent: PublishedSnapshot | null): Promise<void> {
	const state = leading.instance.state.read();
	if (parent === null || state.position?.id === parent.id) return;
	const isOwn = isIntended(state, parent) || parent.digest === leading.snapshot.encoded.digest;
	if (isOwn) await rememberPosition(leading, parent);
}

async function rememberPosition(
	leading: Leading,
	head: PublishedSnapshot,
	more: Partial<InstanceState> = {},
): Promise<void> {
	const { instance } = leading;
	const state = instance.state.read();
	const { id, generation, digest } = head;
	const isKnown = state.position?.id === id && state.intent === null && state.role === 'leader';
	if (isKnown) return;
	// It is on disk already, but after a crash right behind the publish.
	await loadSnapshot(instance, head);
	await instance.state.save({
		position: { id, generation, digest },
		intent: null,
		role: 'leader',
		...more,
	});
	await instance.snapshots.dropAllBut([digest]);
}
