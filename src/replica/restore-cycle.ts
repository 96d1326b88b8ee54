import type { Database } from '../model/database.ts';
import type { FleetInstance } from '../model/instance.ts';
import type { LineageSnapshot, PublishedSnapshot } from '../model/lineage.ts';
import type { Plan } from '../model/plan.ts';
import type { ReloadReport } from '../model/reload.ts';
import { isReplicatorError, ReplicatorError } from '../model/replicator-error.ts';
import type { GuardLimits, GuardVerdict } from '../plan/guard.ts';
import { findHead } from '../repository/find-head.ts';
import { type ApplyRequest, applySnapshot, type HeldVerdict, planSnapshot } from './apply-snapshot.ts';
import { dropStaleSnapshots } from './drop-stale-snapshots.ts';
import { findConfirmed } from './find-confirmed.ts';
import { followLegacy } from './follow-legacy.ts';
import { listSnapshots } from './list-snapshots.ts';
import { loadSnapshot } from './load-snapshot.ts';
import { isAheadOf, positionAt, recordPosition } from './position.ts';
import { type NotSetUp, withDatabase } from './with-database.ts';

export type RestoreOutcome =
	| NotSetUp
	| { readonly outcome: 'nothing-published' }
	/** Nothing was downloaded and nothing was planned: this snapshot is applied already. */
	| { readonly outcome: 'up-to-date'; readonly head: LineageSnapshot }
	| { readonly outcome: 'unchanged'; readonly head: LineageSnapshot; readonly plan: Plan }
	| {
			readonly outcome: 'held';
			readonly head: LineageSnapshot;
			readonly plan: Plan;
			readonly verdict: HeldVerdict;
	  }
	| {
			readonly outcome: 'applied';
			readonly head: LineageSnapshot;
			readonly plan: Plan;
			readonly reload: ReloadReport;
	  };

export interface RestoreRequest {
	readonly instance: FleetInstance;
	readonly guard: GuardLimits | 'off';
	readonly allowsDeletes: boolean;
	/** Plan even when the head is applied already: at every start, and when a person asks. */
	readonly isForced: boolean;
	/** An older snapshot, by the beginning of its id; the head when absent. */
	readonly snapshotId?: string;
}

export type RestorePreview =
	| Extract<RestoreOutcome, { outcome: 'not-set-up' | 'nothing-published' }>
	| {
			readonly outcome: 'planned';
			readonly head: LineageSnapshot;
			readonly plan: Plan;
			readonly verdict: GuardVerdict;
	  };

/** fetch → plan → apply → reload: one cycle of a replica. */
export async function restoreCycle(request: RestoreRequest): Promise<RestoreOutcome> {
	const { instance } = request;
	const keepsLocalEntities = instance.mode === 'RESTORE_LOCAL_ENTITY_REPLICATION';
	return withDatabase(instance, async (database): Promise<RestoreOutcome> => {
		const found = await readTwice(async () => {
			const { head, published } = await look(request, database);
			if (head === null) return { outcome: 'nothing-published' } as const;
			if (!request.isForced && (await isApplied(instance, head)))
				return { outcome: 'up-to-date', head } as const;
			return prepare({ ...request, database, head, published, keepsLocalEntities });
		});
		return 'outcome' in found ? found : applyPrepared(found);
	});
}

/** What a restore would do, without doing it. */
export async function previewRestore(request: RestoreRequest): Promise<RestorePreview> {
	const { instance } = request;
	const keepsLocalEntities = instance.mode === 'RESTORE_LOCAL_ENTITY_REPLICATION';
	return withDatabase(instance, async (database): Promise<RestorePreview> => {
		const prepared = await readTwice(async () => {
			const { head, published } = await look(request, database);
			if (head === null) return null;
			return prepare({ ...request, database, head, published, keepsLocalEntities });
		});
		if (prepared === null) return { outcome: 'nothing-published' };
		const { plan, verdict } = await planSnapshot(prepared);
		return { outcome: 'planned', head: prepared.head, plan, verdict };
	});
}

/** Asks the repository what there is, and finds out what to hold. */
async function look(
	request: RestoreRequest,
	database: Database,
): Promise<{ head: LineageSnapshot | null; published: readonly PublishedSnapshot[] }> {
	const { instance } = request;
	const { published, legacy } = await instance.stages.measure('poll', () => listSnapshots(instance));
	const head =
		(await findTarget(request, published)) ?? (await followLegacy({ ...request, database, legacy }));
	return { head, published };
}

/** What to hold: the head, or what was applied ahead of it as long as the head is its ancestor, or what was asked for. */
async function findTarget(
	{ instance, snapshotId }: RestoreRequest,
	published: readonly PublishedSnapshot[],
): Promise<LineageSnapshot | null> {
	const head = chooseSnapshot(published, snapshotId);
	await recordPosition(instance, published);
	const { position } = instance.state.read();
	if (head === null || position === null || snapshotId !== undefined || !isAheadOf(position, head))
		return head;
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

/** Whether the head is what this instance holds; a head with the same content under another id counts as well. */
async function isApplied(instance: FleetInstance, head: LineageSnapshot): Promise<boolean> {
	const { position, heldRows } = instance.state.read();
	if (position?.id === head.id) return true;
	if (position?.digest !== head.digest || heldRows.length > 0) return false;
	await instance.state.save({ position: positionAt(head, position) });
	return true;
}

export interface Applying {
	readonly instance: FleetInstance;
	readonly database: Database;
	readonly guard: GuardLimits | 'off';
	readonly allowsDeletes: boolean;
	readonly head: LineageSnapshot;
	readonly published: readonly PublishedSnapshot[];
	readonly keepsLocalEntities: boolean;
}

/** Applies one snapshot and remembers it. */
export async function applyHead(applying: Applying): Promise<RestoreOutcome> {
	return applyPrepared(await prepare(applying));
}

/** An apply with everything at hand that the repository has to give. */
interface Prepared extends ApplyRequest {
	readonly instance: FleetInstance;
	readonly head: LineageSnapshot;
}

async function applyPrepared(prepared: Prepared): Promise<RestoreOutcome> {
	const { instance, head } = prepared;
	const result = await applySnapshot(prepared);
	if (result.outcome === 'held') {
		await dropStaleSnapshots(instance, head);
		return { ...result, head };
	}
	await instance.state.save({
		position: positionAt(head, instance.state.read().position),
		intent: null,
		role: 'replica',
		kumaVersion: instance.kuma.version,
		heldRows: result.plan.heldRows,
		remarks: result.plan.remarks,
	});
	await instance.snapshots.dropAllBut([head.digest]);
	if (result.outcome === 'unchanged') await instance.reload.keepTimezone(result.plan.timezone);
	return { ...result, head };
}

async function prepare(applying: Applying): Promise<Prepared> {
	const { instance, database, guard, allowsDeletes, head, keepsLocalEntities } = applying;
	const { position } = instance.state.read();
	const previous = position === null ? null : await instance.snapshots.load(position.digest);
	return {
		instance,
		head,
		database,
		reload: instance.reload,
		snapshot: await loadSnapshot(instance, head),
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
