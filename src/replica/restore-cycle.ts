import { recordPosition } from '../instance/record-position.ts';
import { dropStaleSnapshots } from '../instance/snapshots/drop-stale-snapshots.ts';
import { loadSnapshot } from '../instance/snapshots/load-snapshot.ts';
import { type NotSetUp, withDatabase } from '../instance/with-database.ts';
import { findHead } from '../lineage/find-head.ts';
import type { Loan, LoanEnd } from '../lineage/loan.ts';
import { isAheadOf, positionAt } from '../lineage/position.ts';
import type { Database } from '../model/database.ts';
import type { FleetInstance } from '../model/instance.ts';
import type { LineageSnapshot, Listing, PublishedSnapshot } from '../model/lineage.ts';
import type { Plan } from '../model/plan.ts';
import type { ReloadReport } from '../model/reload.ts';
import { isReplicatorError, ReplicatorError } from '../model/replicator-error.ts';
import { roleOf } from '../model/role.ts';
import type { TimezoneChange } from '../model/timezone.ts';
import type { GuardLimits, GuardVerdict } from '../plan/guard.ts';
import { type ApplyRequest, applySnapshot, type HeldVerdict } from './apply-snapshot.ts';
import { findConfirmed } from './find-confirmed.ts';
import { followLegacy } from './follow-legacy.ts';
import { listSnapshots } from './list-snapshots.ts';
import { planSnapshot } from './plan-snapshot.ts';

export type RestoreOutcome =
	| NotSetUp
	| { readonly outcome: 'nothing-published' }
	/** Nothing was downloaded and nothing was planned: the target is applied already. */
	| ({ readonly outcome: 'up-to-date' } & Targeted)
	| ({ readonly outcome: 'unchanged'; readonly plan: Plan } & Targeted & Rezoned)
	| ({ readonly outcome: 'held'; readonly plan: Plan; readonly verdict: HeldVerdict } & Targeted)
	| ({ readonly outcome: 'applied'; readonly plan: Plan; readonly reload: ReloadReport } & Targeted &
			Rezoned);

interface Targeted {
	/** What the database is, was, or would be made equal to. */
	readonly target: LineageSnapshot;
	/** The newest snapshot in the repository; null where nobody looked. */
	readonly head: PublishedSnapshot | null;
}

interface Rezoned {
	/** The leader stands in another zone than before, or another leader does; null: in the same one. */
	readonly timezoneChange: TimezoneChange | null;
}

/** What one cycle of a replica, or a restore that a person asked for, goes by. */
export interface RestoreRequest {
	readonly instance: FleetInstance;
	readonly guard: GuardLimits | 'off';
	readonly allowsDeletes: boolean;
	/** Plan even when the head is applied already: at every start, and when a person asks. */
	readonly isForced: boolean;
	/** An older snapshot, by the beginning of its id; the head when absent. */
	readonly snapshotId?: string;
	/** Without it, what was applied ahead of the repository stays: for commands that look once. */
	readonly loan?: Loan;
}

export type RestorePreview =
	| Extract<RestoreOutcome, { outcome: 'not-set-up' | 'nothing-published' }>
	| ({ readonly outcome: 'planned'; readonly plan: Plan; readonly verdict: GuardVerdict } & Targeted);

/** fetch → plan → apply → reload: one cycle of a replica. */
export async function restoreCycle(request: RestoreRequest): Promise<RestoreOutcome> {
	const { instance } = request;
	const keepsLocalEntities = instance.mode === 'RESTORE_LOCAL_ENTITY_REPLICATION';
	if (request.isForced) instance.refusals.tryAgain();
	return withDatabase(instance, async (database): Promise<RestoreOutcome> => {
		const found = await readTwice(async () => {
			const seen = await look(request, database);
			if (seen === null) return { outcome: 'nothing-published' } as const;
			const { target, head } = seen;
			if (!request.isForced && (await isApplied(instance, target)))
				return { outcome: 'up-to-date', target, head } as const;
			return prepare({ ...request, ...seen, database, keepsLocalEntities });
		});
		if (!('outcome' in found)) return applyPrepared(found);
		await instance.reload.settle(() => heldTimezone(instance));
		return found;
	});
}

/** @returns the zone of the snapshot that an instance holds; null where it holds none, or that says none. */
export async function heldTimezone({ state, snapshots }: FleetInstance): Promise<string | null> {
	const { position } = state.read();
	return position === null ? null : ((await snapshots.load(position.digest))?.manifest.timezone ?? null);
}

/** What a restore would do, without doing it. */
export async function previewRestore(request: RestoreRequest): Promise<RestorePreview> {
	const { instance } = request;
	const keepsLocalEntities = instance.mode === 'RESTORE_LOCAL_ENTITY_REPLICATION';
	return withDatabase(instance, async (database): Promise<RestorePreview> => {
		const prepared = await readTwice(async () => {
			const seen = await look(request, database);
			return seen === null ? null : prepare({ ...request, ...seen, database, keepsLocalEntities });
		});
		if (prepared === null) return { outcome: 'nothing-published' };
		const { plan, verdict } = await planSnapshot(prepared);
		const { target, head } = prepared;
		return { outcome: 'planned', target, head, plan, verdict };
	});
}

interface Seen {
	readonly target: LineageSnapshot;
	readonly head: PublishedSnapshot | null;
	readonly published: readonly PublishedSnapshot[];
}

/** Asks the repository what there is, and finds out what to hold. @returns null where nothing was published. */
async function look(request: RestoreRequest, database: Database): Promise<Seen | null> {
	const { instance } = request;
	const { published, legacy } = await instance.stages.measure('poll', () => list(request));
	const target = await findTarget(request, published);
	if (target !== null) return { target, head: findHead(published).head, published };
	const original = await followLegacy({ ...request, database, legacy });
	return original === null ? null : { target: original, head: original, published };
}

async function list({ instance, loan }: RestoreRequest): Promise<Listing> {
	try {
		return await listSnapshots(instance);
	} catch (error) {
		loan?.noteUnreachable();
		throw error;
	}
}

const LOAN_ENDS = {
	withdrawn: 'the leader withdrew what is applied here',
	'another-leader': 'another instance leads than the one that handed over what is applied here',
	replaced: 'the leader replaced what is applied here',
	'not-published': 'what is applied here has been missing from the repository for a minute',
} as const satisfies Record<LoanEnd, string>;

/**
 * What to hold: the head, or what was applied ahead of it as long as the head is its ancestor and the loan lasts, or
 * what was asked for.
 */
async function findTarget(
	{ instance, snapshotId, loan }: RestoreRequest,
	published: readonly PublishedSnapshot[],
): Promise<LineageSnapshot | null> {
	const head = chooseSnapshot(published, snapshotId);
	await recordPosition(instance, published);
	const { position } = instance.state.read();
	if (head === null || snapshotId !== undefined || !isAheadOf(position, head)) return head;
	const end = loan?.judge(position, head) ?? null;
	if (end !== null) {
		const reason = LOAN_ENDS[end];
		instance.log.info('Going back to the newest snapshot in the repository', { snapshot: head.id, reason });
		return head;
	}
	const held = await instance.snapshots.load(position.digest);
	if (held === null) return head;
	const { hostname, instanceId, createdAt, parent } = held.manifest;
	const { generation, digest } = position;
	const parentId = parent?.id ?? null;
	// Whether deletes were confirmed was asked when it was applied.
	return {
		id: null,
		time: createdAt,
		hostname,
		generation,
		digest,
		parentId,
		instanceId,
		allowsDeletes: false,
	};
}

/** @throws ReplicatorError `snapshot-not-found` when no snapshot, or more than one, has an id that begins so. */
export function chooseSnapshot(
	published: readonly PublishedSnapshot[],
	idPrefix: string | undefined,
): PublishedSnapshot | null {
	if (idPrefix === undefined || idPrefix === 'latest') return findHead(published).head;
	const matches = published.filter(({ id }) => id.startsWith(idPrefix));
	const [match] = matches;
	if (match !== undefined && matches.length === 1) return match;
	const reason =
		matches.length === 0 ? 'No snapshot of this fleet has' : `${matches.length} snapshots of this fleet have`;
	throw new ReplicatorError(`${reason} an id that begins with ${idPrefix}.`, {
		code: 'snapshot-not-found',
		hint: 'List them with "replicator-kuma snapshots".',
	});
}

/** Whether the target is what this instance holds; one with the same content under another id counts as well. */
async function isApplied(instance: FleetInstance, target: LineageSnapshot): Promise<boolean> {
	const { position, heldRows } = instance.state.read();
	// What was set aside may pass by now, whether anything was published or not.
	if (instance.refusals.isTimeToLook(instance.now())) return false;
	if (position?.id === target.id) return true;
	if (position?.digest !== target.digest || heldRows.length > 0) return false;
	await instance.state.save({ position: positionAt(target, { held: position, now: instance.now() }) });
	return true;
}

export interface Applying {
	readonly instance: FleetInstance;
	readonly database: Database;
	readonly guard: GuardLimits | 'off';
	readonly allowsDeletes: boolean;
	readonly target: LineageSnapshot;
	readonly head: PublishedSnapshot | null;
	readonly published: readonly PublishedSnapshot[];
	readonly keepsLocalEntities: boolean;
}

/** Applies one snapshot and remembers it. */
export async function applyTarget(applying: Applying): Promise<RestoreOutcome> {
	return applyPrepared(await prepare(applying));
}

/** An apply with everything at hand that the repository has to give. */
interface Prepared extends ApplyRequest, Targeted {
	readonly instance: FleetInstance;
}

async function applyPrepared(prepared: Prepared): Promise<RestoreOutcome> {
	const { instance, target, head } = prepared;
	const result = await applySnapshot(prepared);
	if (result.outcome === 'held') {
		await dropStaleSnapshots(instance, target);
		return { ...result, target, head };
	}
	await instance.state.save({
		position: positionAt(target, { held: instance.state.read().position, now: instance.now() }),
		intent: null,
		announced: null,
		role: 'replica',
		kumaVersion: instance.kuma.version,
		heldRows: result.plan.heldRows,
		remarks: result.plan.remarks,
	});
	await instance.snapshots.dropAllBut([target.digest]);
	if (result.outcome === 'unchanged') await instance.reload.settle(result.plan.timezone);
	return { ...result, target, head, timezoneChange: findTimezoneChange(prepared) };
}

/** A leader stays in its own zone, whatever it restores. */
function findTimezoneChange({ instance, previous, snapshot }: Prepared): TimezoneChange | null {
	if (previous === null || roleOf(instance.mode) === 'leader') return null;
	const before = previous.manifest.timezone;
	const after = snapshot.manifest.timezone;
	return before === after ? null : { before, after };
}

async function prepare(applying: Applying): Promise<Prepared> {
	const { instance, database, guard, allowsDeletes, target, head, keepsLocalEntities } = applying;
	const { position } = instance.state.read();
	const previous = position === null ? null : await instance.snapshots.load(position.digest);
	return {
		instance,
		target,
		head,
		database,
		reload: instance.reload,
		snapshot: await loadSnapshot(instance, target),
		previous,
		isFirstApply: position === null,
		guard,
		allowsDeletes,
		isConfirmed: await findConfirmed(applying, position),
		keepsLocalEntities,
		pausesPushMonitors: instance.pausesPushMonitors,
	};
}

/**
 * A leader may forget and prune while a replica reads. What is gone then was not the head any more, so the list is
 * read again, once; what fails still is damaged, or was asked for by name.
 */
async function readTwice<Result>(read: () => Promise<Result>): Promise<Result> {
	try {
		return await read();
	} catch (error) {
		const isGone =
			isReplicatorError(error, 'restic-failed') || isReplicatorError(error, 'snapshot-not-found');
		if (!isGone) throw error;
		return read();
	}
}
