import type { Plan, SettingChange } from '../model/plan.ts';
import { HeldRows, keepRow, type TableDraft, titleOf } from './draft.ts';
import { draftTable } from './draft-table.ts';
import { findHistory, forgetSteps } from './find-history.ts';
import { findSwept, type Swept } from './find-swept.ts';
import { findTouched } from './find-touched.ts';
import { orderSteps } from './order-steps.ts';
import { NO_OBSTACLES, type PlanInput } from './plan-input.ts';
import { planSettings } from './settling/plan-settings.ts';
import { settleOutside } from './settling/settle-outside.ts';
import { settleReferences } from './settling/settle-references.ts';
import { settleUniqueKeys } from './settling/settle-unique-keys.ts';
import { findMissingSettings, pausePushMonitors } from './words/find-remarks.ts';
import { listChanges } from './words/list-changes.ts';

/**
 * Works out what must happen so that a database equals a snapshot: pure, without a look at the world. Applying the
 * plan and planning again gives an empty plan, whatever the two databases and their Kumas are.
 */
export function makePlan(input: PlanInput): Plan {
	const held = new HeldRows();
	const drafts = new Map<string, TableDraft>();
	const { pinned, refused } = input.obstacles ?? NO_OBSTACLES;
	let mayPass = pinned.size + refused.rows.length + refused.files.size > 0;
	for (const table of input.catalog) {
		const schema = input.current.schema.tables.get(table.name);
		if (schema === undefined) {
			holdTableWithoutPlace(input, table.name, held);
			continue;
		}
		const draft = draftTable({ input, table, schema, held });
		drafts.set(table.name, draft);
		mayPass = settleOutside({ input, draft, held }) || mayPass;
		settleUniqueKeys(draft, held);
	}
	const swept = sweep(input, drafts, held);
	const monitors = drafts.get('monitor');
	const remarks = [
		...(input.pausesPushMonitors ? pausePushMonitors(monitors) : []),
		...findMissingSettings(monitors, input.current.settings),
	];
	const changes = listChanges(drafts);
	const history = findHistory(input.current.schema, input.catalog);
	const steps = [...forgetSteps(history, changes), ...orderSteps([...drafts.values()], swept)];
	const settings = withoutRefused(input, planSettings(drafts, input.current.settings), held);
	const files = planFiles(input, held);
	return {
		changes,
		settings,
		files,
		mayPass,
		heldRows: held.list(input.catalog.map(({ name }) => name)),
		remarks,
		steps,
		removedMonitors: changes
			.filter(({ table, kind }) => table === 'monitor' && (kind === 'removed' || kind === 'replaced'))
			.map(({ key }) => key),
		history,
		touchedMonitors: findTouched(drafts),
		timezone: input.target.content.timezone,
		before: {
			monitors: monitors?.currentRows.size ?? 0,
			users: drafts.get('user')?.currentRows.size ?? 0,
		},
		isEmpty:
			steps.length === 0 && settings.length === 0 && files.writes.length === 0 && files.deletes.length === 0,
	};
}

/** A table that this Kuma does not have yet: its rows wait until it is upgraded. */
function holdTableWithoutPlace(input: PlanInput, name: string, held: HeldRows): void {
	const target = input.target.content.tables.find((table) => table.name === name);
	const table = input.catalog.find((entry) => entry.name === name);
	for (const row of target?.rows ?? []) {
		const title = row[target?.columns.findIndex((column) => column.name === table?.titleColumn) ?? -1];
		const key = String(row[target?.columns.findIndex((column) => column.name === target.key[0]) ?? -1]);
		held.add({
			table: name,
			key,
			title: title === undefined || title === null ? key : String(title),
			how: 'held',
			reason: `this Kuma has no ${table?.plural ?? name}`,
		});
	}
}

/** Settles what refers to what until nothing more follows from it. */
function sweep(
	input: PlanInput,
	drafts: ReadonlyMap<string, TableDraft>,
	held: HeldRows,
): ReadonlyMap<string, Swept> {
	for (;;) {
		settleReferences(drafts, held);
		const swept = findSwept([...drafts.values()]);
		if (!dropRefusedAgain({ input, drafts, held, swept })) return swept;
	}
}

/**
 * A wanted row that a delete takes along, and that the database then refuses to add again, is lost here. One that the
 * database does not let go stays, whatever the delete was.
 */
function dropRefusedAgain(request: {
	readonly input: PlanInput;
	readonly drafts: ReadonlyMap<string, TableDraft>;
	readonly held: HeldRows;
	readonly swept: ReadonlyMap<string, Swept>;
}): boolean {
	const { input, drafts, held, swept } = request;
	let hasDropped = false;
	for (const { verb, table, key, reason } of input.obstacles?.refused.rows ?? []) {
		const draft = drafts.get(table);
		const { deleted, takenAlong } = swept.get(table) ?? {};
		const row = draft?.currentRows.get(key);
		if (draft === undefined || row === undefined) continue;
		const hold = (what: string) =>
			held.add({ table, key, title: titleOf(draft, row), how: 'held', reason: `${what}: ${reason}` });
		if (verb === 'delete' && deleted?.has(key) === true && draft.finals.get(key)?.isPinned !== true) {
			draft.finals.set(key, keepRow(draft.schema, row, { isPinned: true }));
			hold('the database refuses to remove it');
			hasDropped = true;
		} else if (verb === 'insert' && takenAlong?.has(key) === true) {
			draft.finals.delete(key);
			hold('the database refuses to add it again');
			hasDropped = true;
		}
	}
	return hasDropped;
}

function withoutRefused(
	input: PlanInput,
	settings: readonly SettingChange[],
	held: HeldRows,
): SettingChange[] {
	return settings.filter(({ name }) => {
		const refusal = input.obstacles?.refused.rows.find(
			({ table, key }) => table === 'setting' && key === name,
		);
		if (refusal === undefined) return true;
		const reason = `the database refuses to set it: ${refusal.reason}`;
		held.add({ table: 'setting', key: name, title: name, how: 'held', reason });
		return false;
	});
}

/** Only files that a snapshot brought are ever deleted; others belong to somebody else. */
function planFiles(input: PlanInput, held: HeldRows): Plan['files'] {
	const { content, fileHashes } = input.target;
	const { files: unwritable } = (input.obstacles ?? NO_OBSTACLES).refused;
	const differing = content.files.filter(
		({ path }) => input.current.files.get(path) !== fileHashes.get(path),
	);
	for (const { path } of differing) {
		const reason = unwritable.get(path);
		if (reason === undefined) continue;
		held.add({ table: 'file', key: path, title: path, how: 'held', reason });
	}
	const writes = differing.filter(({ path }) => !unwritable.has(path));
	const wanted = new Set(content.files.map(({ path }) => path));
	const deletes = (input.previous?.filePaths ?? []).filter(
		(path) => !wanted.has(path) && input.current.files.has(path),
	);
	return { writes, deletes };
}
