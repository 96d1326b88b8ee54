import type { Database } from '../model/database.ts';
import type { FleetInstance } from '../model/instance.ts';
import type { PublishedSnapshot } from '../model/lineage.ts';
import type { Plan } from '../model/plan.ts';
import type { ReloadReport } from '../model/reload.ts';
import { isReplicatorError, ReplicatorError } from '../model/replicator-error.ts';
import type { GuardLimits, GuardVerdict } from '../plan/guard.ts';
import { findHead } from '../repository/find-head.ts';
import { applySnapshot, type HeldVerdict, planSnapshot } from './apply-snapshot.ts';
import { findConfirmed } from './find-confirmed.ts';
import { loadSnapshot } from './load-snapshot.ts';

export type RestoreOutcome =
	| { readonly outcome: 'not-set-up'; readonly reason: string }
	| { readonly outcome: 'nothing-published' }
	/** Nothing was downloaded and nothing was planned: this snapshot is applied already. */
	| { readonly outcome: 'up-to-date'; readonly head: PublishedSnapshot }
	| { readonly outcome: 'unchanged'; readonly head: PublishedSnapshot; readonly plan: Plan }
	| {
			readonly outcome: 'held';
			readonly head: PublishedSnapshot;
			readonly plan: Plan;
			readonly verdict: HeldVerdict;
	  }
	| {
			readonly outcome: 'applied';
			readonly head: PublishedSnapshot;
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

/** fetch → plan → apply → reload: one cycle of a replica. */
export async function restoreCycle(request: RestoreRequest): Promise<RestoreOutcome> {
	const { instance } = request;
	const opened = await instance.openDatabase();
	if (opened.outcome === 'not-set-up') return opened;
	const { database } = opened;
	const keepsLocalEntities = instance.mode === 'RESTORE_LOCAL_ENTITY_REPLICATION';
	try {
		const published = await instance.repository.list();
		const head = chooseSnapshot(published, request.snapshotId);
		if (head === null) return { outcome: 'nothing-published' };
		if (!request.isForced && (await isApplied(instance, head))) return { outcome: 'up-to-date', head };
		return await applyHead({ ...request, database, head, published, keepsLocalEntities });
	} finally {
		await database.close();
	}
}

/** What a restore would do, without doing it. */
export async function previewRestore(request: RestoreRequest): Promise<
	| Extract<RestoreOutcome, { outcome: 'not-set-up' | 'nothing-published' }>
	| {
			readonly outcome: 'planned';
			readonly head: PublishedSnapshot;
			readonly plan: Plan;
			readonly verdict: GuardVerdict;
	  }
> {
	const { instance } = request;
	const opened = await instance.openDatabase();
	if (opened.outcome === 'not-set-up') return opened;
	try {
		const published = await instance.repository.list();
		const head = chooseSnapshot(published, request.snapshotId);
		if (head === null) return { outcome: 'nothing-published' };
		const keepsLocalEntities = instance.mode === 'RESTORE_LOCAL_ENTITY_REPLICATION';
		const applying = { ...request, database: opened.database, head, published, keepsLocalEntities };
		const { plan, verdict } = await planSnapshot(await prepare(applying));
		return { outcome: 'planned', head, plan, verdict };
	} finally {
		await opened.database.close();
	}
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
async function isApplied(instance: FleetInstance, head: PublishedSnapshot): Promise<boolean> {
	const { position, heldRows } = instance.state.read();
	if (position?.id === head.id) return true;
	if (position?.digest !== head.digest || heldRows.length > 0) return false;
	await instance.state.save({ position: { id: head.id, generation: head.generation, digest: head.digest } });
	return true;
}

export interface Applying {
	readonly instance: FleetInstance;
	readonly database: Database;
	readonly guard: GuardLimits | 'off';
	readonly allowsDeletes: boolean;
	readonly head: PublishedSnapshot;
	readonly published: readonly PublishedSnapshot[];
	readonly keepsLocalEntities: boolean;
}

/** Applies one published snapshot and remembers it. */
export async function applyHead(applying: Applying): Promise<RestoreOutcome> {
	const { instance, head } = applying;
	const result = await applySnapshot(await prepare(applying));
	if (result.outcome === 'held') return { ...result, head };
	const { id, generation, digest } = head;
	await instance.state.save({
		position: { id, generation, digest },
		intent: null,
		role: 'replica',
		kumaVersion: instance.kuma.version,
		heldRows: result.plan.heldRows,
	});
	await instance.snapshots.dropAllBut([digest]);
	if (result.outcome === 'unchanged') return { outcome: 'unchanged', head, plan: result.plan };
	return { outcome: 'applied', head, plan: result.plan, reload: await instance.reload.reload(result.plan) };
}

async function prepare(applying: Applying) {
	const { instance, database, guard, allowsDeletes, head, keepsLocalEntities } = applying;
	const { position } = instance.state.read();
	const previous = position === null ? null : await instance.snapshots.load(position.digest);
	const { snapshot, isConfirmed } = await fetchTwice(async () => ({
		snapshot: await loadSnapshot(instance, head),
		isConfirmed: await findConfirmed(applying, position),
	}));
	return {
		instance,
		database,
		snapshot,
		previous,
		isFirstApply: position === null,
		guard,
		allowsDeletes,
		isConfirmed,
		keepsLocalEntities,
	};
}

/** A leader may prune while a replica reads: what is gone on the first try is there, or truly damaged, on the second. */
async function fetchTwice<Result>(work: () => Promise<Result>): Promise<Result> {
	try {
		return await work();
	} catch (error) {
		if (!isReplicatorError(error, 'restic-failed')) throw error;
		return work();
	}
}
