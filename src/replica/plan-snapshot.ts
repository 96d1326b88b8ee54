import { createHash } from 'node:crypto';
import type { Database, DatabaseReader } from '../model/database.ts';
import type { Instance } from '../model/instance.ts';
import type { Plan } from '../model/plan.ts';
import type { Refusals } from '../model/refusal.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { findRow, keysOf } from '../plan/find-row.ts';
import { type GuardLimits, type GuardVerdict, guardPlan } from '../plan/guard.ts';
import { makePlan } from '../plan/make-plan.ts';
import { NO_OBSTACLES, type PlanInput, type Previous } from '../plan/plan-input.ts';
import { findOutsideRows, outsideText } from '../plan/settling/settle-outside.ts';
import { keyText } from '../plan/values/same-value.ts';
import { sha256 } from '../snapshot/digest.ts';
import { type TakenTables, takeTables } from '../snapshot/take.ts';

export interface PlanRequest {
	readonly instance: Instance;
	readonly database: Database;
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

/** How one plan is to differ from another of the same database and the same snapshot. */
export interface Replanning {
	/** What is known to be refused. */
	readonly refused: Refusals;
	/** Keys of monitors that are to go later. */
	readonly retiring?: ReadonlySet<string>;
}

export interface PlannedSnapshot {
	readonly plan: Plan;
	readonly verdict: GuardVerdict;
	readonly taken: TakenTables;
	/** What the plan does without, because it was refused before. */
	readonly refused: Refusals;
	/** Whether the plan has something again that was refused before. */
	readonly isRetry: boolean;
	/** The same plan, with less. */
	replan(how: Replanning): Pick<PlannedSnapshot, 'plan' | 'verdict'>;
}

/** The plan alone, for a dry run and for `diff`. */
export function planSnapshot(request: PlanRequest): Promise<PlannedSnapshot> {
	return request.instance.stages.measure('plan', () => readAndPlan(request));
}

async function readAndPlan(request: PlanRequest): Promise<PlannedSnapshot> {
	const { instance, snapshot, previous, database } = request;
	const { refusals } = instance;
	const files = await readFiles(request);
	const { input, mark } = await database.read(async (reader) => {
		const taken = await takeTables(reader, instance.catalog);
		const bare = {
			catalog: instance.catalog,
			target: {
				content: snapshot.content,
				fileHashes: new Map(snapshot.manifest.files.map((file) => [file.path, file.sha256])),
			},
			current: { schema: taken.schema, tables: taken.tables, settings: taken.settings, files },
			previous: toPrevious(previous),
			keepsLocalEntities: request.keepsLocalEntities,
			pausesPushMonitors: request.pausesPushMonitors ?? false,
			monitorTypes: instance.kuma.monitorTypes,
		};
		const outside = await readOutside(reader, bare);
		const looked = { ...bare, obstacles: { ...NO_OBSTACLES, outside } };
		const pinned = await readPinned(reader, looked);
		return {
			input: { ...looked, obstacles: { ...looked.obstacles, pinned }, taken },
			mark: hasRefusals(refusals.known) ? await readMark(reader, request, refusals.known) : '',
		};
	});
	const refused = refusals.inForce(mark, instance.now());
	const replan = ({ refused: without, retiring }: Replanning) => {
		const obstacles = { ...input.obstacles, refused: without };
		const plan = makePlan({ ...input, obstacles, ...(retiring === undefined ? {} : { retiring }) });
		const verdict = guardPlan({
			plan,
			limits: request.guard,
			isFirstApply: request.isFirstApply,
			isConfirmed: request.isConfirmed ?? (() => false),
		});
		return { plan, verdict };
	};
	const isRetry = hasRefusals(refusals.known) && !hasRefusals(refused);
	return { ...replan({ refused }), taken: input.taken, refused, isRetry, replan };
}

/** @returns whether anything at all was refused. */
export function hasRefusals({ rows, files }: Refusals): boolean {
	return rows.length > 0 || files.size > 0;
}

/** @returns which of the rows outside of the catalog that the snapshot refers to are there. */
async function readOutside(reader: DatabaseReader, input: PlanInput): Promise<Set<string>> {
	const found = new Set<string>();
	for (const { table, columns, keys } of findOutsideRows(input)) {
		// A foreign key may name a table that was never made.
		if (!input.current.schema.tables.has(table)) continue;
		const isThere = await reader.haveRows({ table, columns, keys });
		for (const [index, key] of keys.entries())
			if (isThere[index] === true) found.add(outsideText({ table, columns, key }));
	}
	return found;
}

/** @returns which of the rows that would be deleted cannot go, because a row outside of the catalog refers to them. */
async function readPinned(
	reader: DatabaseReader,
	input: PlanInput,
): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
	const { catalog, current } = input;
	const isOutside = (name: string) => !catalog.some((table) => table.name === name);
	const ties = [...current.schema.tables.values()]
		.filter(({ name }) => isOutside(name))
		.flatMap(({ name, references }) => references.map((reference) => ({ ...reference, from: name })))
		.filter(({ onDelete, toTable }) => onDelete === 'restrict' && !isOutside(toTable));
	const pinned = new Map<string, Map<string, string>>();
	if (ties.length === 0) return pinned;
	const deletes = makePlan(input).steps.filter((step) => step.kind === 'delete');
	for (const { from, columns, toTable, toColumns } of ties) {
		const table = current.schema.tables.get(toTable);
		for (const { keys } of deletes.filter((step) => step.table === toTable)) {
			// Only Kuma's way of referring is looked at; whatever else refers is found when the database says so.
			if (table === undefined || toColumns.join('\0') !== table.primaryKey.join('\0')) continue;
			const isHeldOn = await reader.haveRows({ table: from, columns, keys });
			const own = pinned.get(toTable) ?? new Map<string, string>();
			for (const [index, key] of keys.entries()) if (isHeldOn[index] === true) own.set(keyText(key), from);
			if (own.size > 0) pinned.set(toTable, own);
		}
	}
	return pinned;
}

/** @returns a text that is another one when a refused row, or what a database takes, has changed. */
export async function readMark(
	reader: DatabaseReader,
	{ snapshot }: Pick<PlanRequest, 'snapshot'>,
	{ rows, files }: Refusals,
): Promise<string> {
	const hash = createHash('sha256').update(await reader.rulesMark());
	for (const { table, key, verb } of rows) {
		const wanted = verb === 'delete' ? null : findRow(snapshot.content.tables, { table, key });
		hash.update(JSON.stringify([table, key, verb, wanted], toJson));
	}
	for (const path of files.keys()) {
		const described = snapshot.manifest.files.find((file) => file.path === path);
		hash.update(JSON.stringify([path, described?.sha256 ?? null]));
	}
	return hash.digest('hex');
}

function toJson(_name: string, value: unknown): unknown {
	return typeof value === 'bigint' ? value.toString() : value;
}

/** @returns the hashes of the files that are there. What is no file that can be read is replaced like one that differs. */
async function readFiles({ instance, snapshot, previous }: PlanRequest): Promise<Map<string, string>> {
	const paths = new Set(
		[...snapshot.manifest.files, ...(previous?.manifest.files ?? [])].map(({ path }) => path),
	);
	const files = new Map<string, string>();
	for (const path of paths) {
		const content = await instance.uploads.read(path);
		if (content instanceof Uint8Array) files.set(path, sha256(content));
	}
	return files;
}

function toPrevious(previous: Snapshot | null): Previous | null {
	if (previous === null) return null;
	return {
		keys: keysOf(previous.content.tables),
		filePaths: previous.manifest.files.map(({ path }) => path),
	};
}
