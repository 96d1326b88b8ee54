import type { CatalogTable } from '../../model/catalog-table.ts';
import type { Plan, PlanSummary, RowChange } from '../../model/plan.ts';
import type { Value } from '../../model/row.ts';

const SHOWN_LENGTH_MAX = 60;
const MASK = '***';

/** @returns the numbers of a plan. */
export function summarisePlan(plan: Plan): PlanSummary {
	const count = (...kinds: RowChange['kind'][]) =>
		plan.changes.filter(({ kind }) => kinds.includes(kind)).length;
	return {
		added: count('added'),
		changed: count('changed', 'replaced'),
		removed: count('removed'),
		held: plan.heldRows.length,
		files: plan.files.writes.length + plan.files.deletes.length,
		settings: plan.settings.length,
	};
}

/**
 * Says in words what a plan does, one line a row, in catalog order. Only values of columns that the catalog names as
 * shown are printed; all others, among them every secret, are masked.
 */
export function describePlan(plan: Plan, catalog: readonly CatalogTable[]): string[] {
	const lines = plan.changes.map((change) => describeChange(change, catalog));
	for (const setting of plan.settings)
		lines.push(`~ setting ${setting.name}: ${setting.before ?? 'not set'} → ${setting.after}`);
	for (const { path } of plan.files.writes) lines.push(`+ file ${path}`);
	for (const path of plan.files.deletes) lines.push(`- file ${path}`);
	return lines;
}

const SIGN = { added: '+', changed: '~', removed: '-', replaced: '±' } as const;

function describeChange(change: RowChange, catalog: readonly CatalogTable[]): string {
	const table = catalog.find(({ name }) => name === change.table);
	const quoted = table?.titleColumn === undefined ? change.title : `"${oneLine(change.title)}"`;
	const head = `${SIGN[change.kind]} ${table?.noun ?? change.table} ${quoted} (id ${change.key.map(String).join(',')})`;
	if (change.columns.length === 0) return head;
	const columns = change.columns.map(({ column, before, after }) => {
		const isShown = table?.shownColumns.includes(column) ?? false;
		return isShown ? `${column} ${show(before)} → ${show(after)}` : `${column} ${MASK}`;
	});
	return `${head}: ${columns.join(', ')}`;
}

function show(value: Value): string {
	if (value === null) return 'empty';
	if (value instanceof Uint8Array) return `${value.length} bytes`;
	return typeof value === 'string' ? `"${oneLine(value)}"` : String(value);
}

function oneLine(text: string): string {
	const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
	return escaped.length > SHOWN_LENGTH_MAX ? `${escaped.slice(0, SHOWN_LENGTH_MAX)}…` : escaped;
}

/**
 * Says in a few words what a plan does, for notices: `3 monitors added, 1 status page changed`.
 */
export function describePlanBriefly(plan: Plan, catalog: readonly CatalogTable[]): string {
	const parts: string[] = [];
	for (const table of catalog) {
		// Links follow from what they join; a person thinks of the monitors.
		if (table.titleColumn === undefined) continue;
		for (const [word, kinds] of WORDS) {
			const changes = plan.changes.filter(
				(change) => change.table === table.name && kinds.includes(change.kind),
			);
			const [only] = changes;
			if (changes.length === 1 && only !== undefined)
				parts.push(`${table.noun} "${oneLine(only.title)}" ${word}`);
			else if (changes.length > 1) parts.push(`${changes.length} ${table.plural} ${word}`);
		}
	}
	if (parts.length === 0) return plan.isEmpty ? 'nothing' : `${Math.max(1, plan.changes.length)} details`;
	return parts.join(', ');
}

const WORDS: readonly (readonly [string, readonly RowChange['kind'][]])[] = [
	['added', ['added']],
	['changed', ['changed', 'replaced']],
	['removed', ['removed']],
];
