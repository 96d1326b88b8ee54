import { applyPlan } from '../apply/apply-plan.ts';
import type { Database } from '../model/database.ts';
import type { Instance } from '../model/instance.ts';
import type { Plan } from '../model/plan.ts';
import type { Reload, ReloadReport } from '../model/reload.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { type GuardLimits, type GuardVerdict, guardPlan } from '../plan/guard.ts';
import { makePlan } from '../plan/make-plan.ts';
import type { Current, Previous } from '../plan/plan-input.ts';
import { keyText } from '../plan/same-value.ts';
import { sha256 } from '../snapshot/digest.ts';
import { type TakenTables, takeTables } from '../snapshot/take.ts';
import { keepExport } from './keep-export.ts';

/** How often a plan is made anew because somebody wrote in between. */
const ATTEMPTS_MAX = 4;

export type HeldVerdict = Extract<GuardVerdict, { outcome: 'held' }>;

export type ApplyOutcome =
	| { readonly outcome: 'unchanged'; readonly plan: Plan }
	| { readonly outcome: 'held'; readonly plan: Plan; readonly verdict: HeldVerdict }
	| { readonly outcome: 'applied'; readonly plan: Plan; readonly reload: ReloadReport };

export interface ApplyRequest {
	readonly instance: Instance;
	readonly database: Database;
	readonly reload: Reload;
	readonly snapshot: Snapshot;
	/** The snapshot that was applied before, where it is known. */
	readonly previous: Snapshot | null;
	/** Whether this instance has never applied or published anything of this lineage. */
	readonly isFirstApply: boolean;
	readonly guard: GuardLimits | 'off';
	/** Somebody confirmed on this instance that the plan may delete whatever it deletes. */
	readonly allowsDeletes: boolean;
	/** Rows whose delete was confirmed on the leader. */
	readonly isConfirmed?: (deleted: { readonly table: string; readonly key: string }) => boolean;
	/** Whether this instance keeps its own edits of local entities. */
	readonly keepsLocalEntities: boolean;
	/** Whether push monitors are paused here; default: they are as on the leader. */
	readonly pausesPushMonitors?: boolean;
}

/** plan → guard → apply → reload: makes a database, and the Kuma on it, equal a snapshot, or says why it must not. */
export async function applySnapshot(request: ApplyRequest): Promise<ApplyOutcome> {
	const { stages } = request.instance;
	for (let attempt = 1; ; attempt += 1) {
		const { plan, verdict, taken } = await planSnapshot(request);
		if (plan.isEmpty) return { outcome: 'unchanged', plan };
		if (verdict.outcome === 'held' && !request.allowsDeletes) return { outcome: 'held', plan, verdict };
		// A person confirmed that a life of its own may go; what it was is kept all the same.
		if (verdict.outcome === 'held') await keepExport(request.instance, taken, `before-${verdict.reason}`);
		const { instance, database, reload } = request;
		const { catalog, uploads } = instance;
		await stages.measure('reload', () => reload.stop(plan));
		try {
			await stages.measure('apply', () => applyPlan({ plan, database, catalog, uploads }));
		} catch (error) {
			await reload.resume(plan);
			if (!isReplicatorError(error, 'database-changed-meanwhile') || attempt >= ATTEMPTS_MAX) throw error;
			instance.log.info('The database changed while a plan was applied; planning again', { attempt });
			continue;
		}
		return { outcome: 'applied', plan, reload: await stages.measure('reload', () => reload.reload(plan)) };
	}
}

/** The plan alone, for a dry run and for `diff`. */
export function planSnapshot(request: Omit<ApplyRequest, 'reload'>): Promise<PlannedSnapshot> {
	return request.instance.stages.measure('plan', () => readAndPlan(request));
}

interface PlannedSnapshot {
	readonly plan: Plan;
	readonly verdict: GuardVerdict;
	readonly taken: TakenTables;
}

async function readAndPlan(request: Omit<ApplyRequest, 'reload'>): Promise<PlannedSnapshot> {
	const { instance, snapshot, previous } = request;
	const taken = await request.database.read((reader) => takeTables(reader, instance.catalog));
	const plan = makePlan({
		catalog: instance.catalog,
		target: {
			content: snapshot.content,
			fileHashes: new Map(snapshot.manifest.files.map((file) => [file.path, file.sha256])),
		},
		current: await toCurrent(request, taken),
		previous: toPrevious(previous),
		keepsLocalEntities: request.keepsLocalEntities,
		pausesPushMonitors: request.pausesPushMonitors ?? false,
		monitorTypes: instance.kuma.monitorTypes,
	});
	const verdict = guardPlan({
		plan,
		limits: request.guard,
		isFirstApply: request.isFirstApply,
		isConfirmed: request.isConfirmed ?? (() => false),
	});
	return { plan, verdict, taken };
}

async function toCurrent(
	{ instance, snapshot, previous }: Omit<ApplyRequest, 'reload'>,
	taken: TakenTables,
): Promise<Current> {
	const paths = new Set(
		[...snapshot.manifest.files, ...(previous?.manifest.files ?? [])].map(({ path }) => path),
	);
	const files = new Map<string, string>();
	for (const path of paths) {
		const content = await instance.uploads.read(path);
		if (content !== null) files.set(path, sha256(content));
	}
	return { schema: taken.schema, tables: taken.tables, settings: taken.settings, files };
}

function toPrevious(previous: Snapshot | null): Previous | null {
	if (previous === null) return null;
	return { keys: keysOf(previous), filePaths: previous.manifest.files.map(({ path }) => path) };
}

/** @returns the keys of every table of a snapshot, as text. */
export function keysOf(snapshot: Snapshot): Map<string, Set<string>> {
	return new Map(
		snapshot.content.tables.map((table) => {
			const indexes = table.key.map((name) => table.columns.findIndex((column) => column.name === name));
			return [
				table.name,
				new Set(table.rows.map((row) => keyText(indexes.map((index) => row[index] ?? null)))),
			];
		}),
	);
}
