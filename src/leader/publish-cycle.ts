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
import type { HeldRow } from '../model/state.ts';
import type { GuardLimits } from '../plan/guard.ts';
import { planSnapshot } from '../replica/apply-snapshot.ts';
import { dropStaleSnapshots } from '../replica/drop-stale-snapshots.ts';
import { followLegacy } from '../replica/follow-legacy.ts';
import { listSnapshots } from '../replica/list-snapshots.ts';
import { loadSnapshot } from '../replica/load-snapshot.ts';
import { recordPosition } from '../replica/position.ts';
import { applyHead, type RestoreOutcome } from '../replica/restore-cycle.ts';
import { type TakenSnapshot, takeSnapshot } from '../replica/take-snapshot.ts';
import { type NotSetUp, withDatabase } from '../replica/with-database.ts';
import { findHead } from '../repository/find-head.ts';
import { findPublished } from '../repository/find-published.ts';
import { writeTree } from '../snapshot/write-tree.ts';
import { decide, type LeaderOrders } from './decide.ts';
import { resumePushMonitors } from './resume-push-monitors.ts';

export type PublishOutcome =
	| NotSetUp
	| { readonly outcome: 'wait-for-user' }
	| { readonly outcome: 'unchanged'; readonly head: PublishedSnapshot }
	| { readonly outcome: 'published'; readonly snapshot: PublishedSnapshot }
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
		const known = request.knownHead ?? null;
		if (known !== null && isStillHeld(instance, known, snapshot))
			return { outcome: 'unchanged', head: known };
		const early = announceEarly(request, snapshot);
		let outcome: PublishOutcome | null = null;
		try {
			const { head, legacy } = await stages.measure('poll', async () => {
				const foreseen = await findForeseenHead(request);
				return foreseen === null
					? findOrCreateHead(instance, request.orders)
					: { head: foreseen, legacy: [] };
			});
			if (holds(instance, head) && (await resumePushMonitors(instance, database))) snapshot = await take();
			outcome = await lead({ ...request, database, snapshot, head, legacy, early });
			return outcome;
		} finally {
			if (early !== null && outcome?.outcome !== 'published')
				instance.announcer?.withdraw(early.place.digest);
		}
	});
}

/** Whether this instance held the head before; where nobody has led yet, whoever is made the leader does. */
function holds(instance: FleetInstance, head: PublishedSnapshot | null): boolean {
	const { position } = instance.state.read();
	if (head !== null) return head.id === position?.id;
	return position === null || position.generation === LEGACY_GENERATION;
}

/** Whether this instance led with the head, and nothing was edited since. */
function isStillHeld(instance: FleetInstance, head: PublishedSnapshot, snapshot: TakenSnapshot): boolean {
	const { position, intent, role } = instance.state.read();
	const isOurs = role === 'leader' && intent === null && position?.id === head.id;
	return isOurs && snapshot.encoded.digest === head.digest;
}

/**
 * Tells replicas that listen of an edit before the repository is asked for its head, which takes most of a second. If
 * another leader published meanwhile, this is taken back, and whoever applied it changes over to the repository's head.
 */
function announceEarly({ instance, orders }: PublishRequest, snapshot: TakenSnapshot): Announcement | null {
	const { position, intent, role, heldRows, remarks, instanceId } = instance.state.read();
	const { announcer, hostname } = instance;
	const { digest } = snapshot.encoded;
	// What was paused as a replica runs again before it is published.
	const wakesMonitors = remarks.some(({ kind }) => kind === 'push-paused');
	const leads = role === 'leader' && intent === null && heldRows.length === 0 && !wakesMonitors;
	if (announcer === undefined || position === null || position.id === null || !leads) return null;
	const isOrdinary = !orders.takesOver && !orders.allowsDeletes && position.digest !== digest;
	if (!isOrdinary || !hasUsers(snapshot)) return null;
	const generation = position.generation + 1;
	const announcement = {
		place: { hostname, generation, digest, parentId: position.id, instanceId, allowsDeletes: false },
		manifest: snapshot.manifest({ id: position.id, digest: position.digest }),
		tree: snapshot.encoded.tree,
	};
	announcer.announce(announcement);
	return announcement;
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
			return { outcome: 'unchanged', head: decision.head };
		case 'compare':
			return compareWithHead(leading, decision.head);
		case 'publish':
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
	return applyHead({
		instance,
		database,
		guard,
		allowsDeletes: false,
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
		return { outcome: 'unchanged', head };
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
	const { instanceId } = instance.state.read();
	const { hostname } = instance;
	const { allowsDeletes } = orders;
	const parentId = parent?.id ?? null;
	const isEarly = early?.place.digest === digest && early.place.parentId === parentId;
	const announcement: Announcement = isEarly
		? early
		: {
				place: { hostname, generation, digest, parentId, instanceId, allowsDeletes },
				manifest: snapshot.manifest(parent === null ? null : { id: parent.id, digest: parent.digest }),
				tree: snapshot.encoded.tree,
			};
	const { manifest } = announcement;
	// Durable before the publish: a head that is found after a crash is recognised as this instance's own.
	await instance.state.save({ intent: { parentId, generation, digest } });
	if (!isEarly) instance.announcer?.announce(announcement);
	const { stages } = instance;
	const idStart = await stages.measure('publish', () => keepInRepository(instance, announcement, snapshot));
	// Whoever looks now finds it; that another leader's may have won is found by everybody alike.
	instance.announcer?.confirm(announcement);
	const lineage = await stages.measure('check', () => instance.repository.list());
	const { location } = instance.repository;
	const published = findPublished(lineage, { idStart, place: announcement.place, location });
	const { head, forks } = findHead(lineage);
	if (head !== null && head.id !== published.id) {
		instance.announcer?.withdraw(digest);
		return { outcome: 'stood-down', reason: 'fork-lost', head, heldRows: [] };
	}
	if (forks.length > 0)
		instance.log.warning('Another leader published at the same time; its snapshot lost', {
			forks: forks.map(({ id }) => id),
		});
	await instance.snapshots.keep({
		digest,
		where: published.id,
		write: (directory) => writeTree({ directory, encoded: snapshot.encoded, manifest }),
	});
	await rememberPosition(leading, published);
	return { outcome: 'published', snapshot: published };
}

async function keepInRepository(
	instance: FleetInstance,
	{ place, manifest }: Announcement,
	{ encoded }: TakenSnapshot,
): Promise<string> {
	try {
		return await instance.snapshots.withPublishDirectory(async (directory) => {
			await writeTree({ directory, encoded, manifest });
			return instance.repository.publish({ directory, ...place });
		});
	} catch (error) {
		instance.announcer?.withdraw(place.digest);
		throw error;
	}
}

async function rememberPosition(leading: Leading, head: PublishedSnapshot): Promise<void> {
	const { instance } = leading;
	const state = instance.state.read();
	const { id, generation, digest } = head;
	const isKnown = state.position?.id === id && state.intent === null && state.role === 'leader';
	if (isKnown) return;
	// It is on disk already, but after a crash right behind the publish.
	await loadSnapshot(instance, head);
	await instance.state.save({ position: { id, generation, digest }, intent: null, role: 'leader' });
	await instance.snapshots.dropAllBut([digest]);
}
