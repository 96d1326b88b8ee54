import type { Plan } from '../model/plan.ts';
import { HeldRows, type TableDraft } from './draft.ts';
import { draftTable } from './draft-table.ts';
import { findMissingSettings, pausePushMonitors } from './find-remarks.ts';
import { findSwept } from './find-swept.ts';
import { findTouched } from './find-touched.ts';
import { listChanges } from './list-changes.ts';
import { orderSteps } from './order-steps.ts';
import type { PlanInput } from './plan-input.ts';
import { planSettings } from './plan-settings.ts';
import { settleReferences } from './settle-references.ts';
import { settleUniqueKeys } from './settle-unique-keys.ts';

/**
 * Works out what must happen so that a database equals a snapshot: pure, without a look at the world. Applying the
 * plan and planning again gives an empty plan, whatever the two databases and their Kumas are.
 */
export function makePlan(input: PlanInput): Plan {
	const held = new HeldRows();
	const drafts = new Map<string, TableDraft>();
	for (const table of input.catalog) {
		const schema = input.current.schema.tables.get(table.name);
		if (schema === undefined) {
			holdTableWithoutPlace(input, table.name, held);
			continue;
		}
		const draft = draftTable({ input, table, schema, held });
		drafts.set(table.name, draft);
		settleUniqueKeys(draft, held);
		settleReferences(draft, drafts, held);
	}
	const monitors = drafts.get('monitor');
	const remarks = [
		...(input.pausesPushMonitors ? pausePushMonitors(monitors) : []),
		...findMissingSettings(monitors, input.current.settings),
	];
	const swept = findSwept([...drafts.values()]);
	const steps = orderSteps([...drafts.values()], swept);
	const changes = listChanges(drafts);
	const settings = planSettings(drafts, input.current.settings);
	const files = planFiles(input);
	return {
		changes,
		settings,
		files,
		heldRows: held.list(),
		remarks,
		steps,
		removedMonitors: changes
			.filter(({ table, kind }) => table === 'monitor' && (kind === 'removed' || kind === 'replaced'))
			.map(({ key }) => key),
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

/** Only files that a snapshot brought are ever deleted; others belong to somebody else. */
function planFiles(input: PlanInput): Plan['files'] {
	const { content, fileHashes } = input.target;
	const writes = content.files.filter(({ path }) => input.current.files.get(path) !== fileHashes.get(path));
	const wanted = new Set(content.files.map(({ path }) => path));
	const deletes = (input.previous?.filePaths ?? []).filter(
		(path) => !wanted.has(path) && input.current.files.has(path),
	);
	return { writes, deletes };
}
