import type { CatalogTable } from '../../model/catalog-table.ts';
import type { Plan, PlanSummary, RowChange } from '../../model/plan.ts';
import { type ShownChange, type ShownColumn, type ShownValue, showChanges } from './shown-changes.ts';

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

/** Says in words what a plan does, one line a row, in catalog order, without anything secret. */
export function describePlan(plan: Plan, catalog: readonly CatalogTable[]): string[] {
	return showChanges(plan, catalog).map(describeChange);
}

const SIGN = { added: '+', changed: '~', removed: '-', replaced: '±' } as const;

/** @returns one line for one change. */
export function describeChange(change: ShownChange): string {
	const sign = SIGN[change.kind];
	switch (change.what) {
		case 'setting':
			return `${sign} setting ${change.name}: ${change.before ?? 'not set'} → ${change.after}`;
		case 'file':
			return `${sign} file ${change.path}`;
		case 'row':
			return `${sign} ${describeRow(change)}`;
	}
}

function describeRow({ noun, title, isNamed, key, columns }: ShownChange & { what: 'row' }): string {
	const name = isNamed ? `"${oneLine(title)}"` : title;
	const head = `${noun} ${name} (id ${key.map(describeKeyPart).join(',')})`;
	return columns.length === 0 ? head : `${head}: ${columns.map(describeColumn).join(', ')}`;
}

function describeColumn(change: ShownColumn): string {
	if (change.isMasked) return `${change.column} ${MASK}`;
	return `${change.column} ${describeValue(change.before)} → ${describeValue(change.after)}`;
}

function describeValue(value: ShownValue): string {
	if (value === null) return 'empty';
	if (typeof value === 'object') return `${value.bytes} bytes`;
	return typeof value === 'string' ? `"${oneLine(value)}"` : String(value);
}

function describeKeyPart(value: ShownValue): string {
	return typeof value === 'object' ? describeValue(value) : String(value);
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
