import type { CatalogTable } from '../../model/catalog-table.ts';
import type { Plan, RowChange } from '../../model/plan.ts';
import type { Value } from '../../model/row.ts';

/** A value as it is shown: large integers are text, and of bytes only their number is told. */
export type ShownValue = null | string | number | { readonly bytes: number };

/** A column of a changed row. Without values where they may be secret, which are all that the catalog does not show. */
export type ShownColumn =
	| { readonly column: string; readonly isMasked: true }
	| {
			readonly column: string;
			readonly isMasked: false;
			readonly before: ShownValue;
			readonly after: ShownValue;
	  };

/** One thing that a plan changes, without anything secret. */
export type ShownChange =
	| {
			readonly kind: RowChange['kind'];
			readonly what: 'row';
			readonly table: string;
			/** What people call a row of that table, such as `status page`. */
			readonly noun: string;
			/** The values of its primary key. */
			readonly key: readonly ShownValue[];
			/** Its name; a link between two rows has none. */
			readonly title: string;
			readonly isNamed: boolean;
			/** The columns of a changed row; empty for the others. */
			readonly columns: readonly ShownColumn[];
	  }
	| {
			readonly kind: 'changed';
			readonly what: 'setting';
			readonly name: string;
			readonly before: string | null;
			/** JSON text, as Kuma stores settings. */
			readonly after: string;
	  }
	| {
			/** A file that is there already, with another content, counts as added. */
			readonly kind: 'added' | 'removed';
			readonly what: 'file';
			readonly path: string;
	  };

/** @returns what a plan changes, in catalog order; values of columns that the catalog does not show are masked. */
export function showChanges(plan: Plan, catalog: readonly CatalogTable[]): ShownChange[] {
	return [
		...plan.changes.map((change) => showRow(change, catalog)),
		...plan.settings.map(
			({ name, before, after }) => ({ kind: 'changed', what: 'setting', name, before, after }) as const,
		),
		...plan.files.writes.map(({ path }) => ({ kind: 'added', what: 'file', path }) as const),
		...plan.files.deletes.map((path) => ({ kind: 'removed', what: 'file', path }) as const),
	];
}

function showRow(change: RowChange, catalog: readonly CatalogTable[]): ShownChange {
	const { kind, table: name, title } = change;
	const table = catalog.find((each) => each.name === name);
	const columns = change.columns.map(({ column, before, after }): ShownColumn => {
		if (table?.shownColumns.includes(column) !== true) return { column, isMasked: true };
		return { column, isMasked: false, before: showValue(before), after: showValue(after) };
	});
	return {
		kind,
		what: 'row',
		table: name,
		noun: table?.noun ?? name,
		key: change.key.map(showValue),
		title,
		isNamed: table?.titleColumn !== undefined,
		columns,
	};
}

function showValue(value: Value): ShownValue {
	if (value instanceof Uint8Array) return { bytes: value.length };
	return typeof value === 'bigint' ? String(value) : value;
}
