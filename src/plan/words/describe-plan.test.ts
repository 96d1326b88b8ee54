import { expect, test } from 'vitest';
import { CATALOG } from '../../catalog/index.ts';
import type { ColumnChange, Plan, RowChange } from '../../model/plan.ts';
import { describePlan } from './describe-plan.ts';
import { showChanges } from './shown-changes.ts';

function planOf(parts: Partial<Pick<Plan, 'changes' | 'settings' | 'files'>>): Plan {
	return { changes: [], settings: [], files: { writes: [], deletes: [] }, ...parts } as unknown as Plan;
}

const row = (change: Partial<RowChange>): RowChange => ({
	table: 'monitor',
	key: [7],
	title: 'Shop',
	kind: 'added',
	columns: [],
	...change,
});
const column = (name: string, before: ColumnChange['before'], after: ColumnChange['after']) => ({
	column: name,
	before,
	after,
});

test('values are shown as they are stored, and bytes and large integers in a form that JSON has', () => {
	const columns = [
		column('name', 'Shop', 'Shop "front"'),
		column('interval', 60, 20),
		column('parent', null, 9_007_199_254_740_993n),
		column('type', null, new Uint8Array(3)),
	];
	const plan = planOf({ changes: [row({ kind: 'changed', columns })] });

	const [change] = showChanges(plan, CATALOG);

	expect(change).toEqual({
		kind: 'changed',
		what: 'row',
		table: 'monitor',
		noun: 'monitor',
		key: [7],
		title: 'Shop',
		isNamed: true,
		columns: [
			{ column: 'name', isMasked: false, before: 'Shop', after: 'Shop "front"' },
			{ column: 'interval', isMasked: false, before: 60, after: 20 },
			{ column: 'parent', isMasked: false, before: null, after: '9007199254740993' },
			{ column: 'type', isMasked: false, before: null, after: { bytes: 3 } },
		],
	});
	expect(JSON.parse(JSON.stringify(change))).toEqual(change);
	expect(describePlan(plan, CATALOG)).toEqual([
		'~ monitor "Shop" (id 7): name "Shop" → "Shop "front"", interval 60 → 20, ' +
			'parent empty → "9007199254740993", type empty → 3 bytes',
	]);
});

test('no value of a column that the catalog does not show leaves the plan', () => {
	const secret = 'hunter2';
	const hidden = CATALOG.flatMap(({ name, shownColumns }) =>
		['password', 'config', 'basic_auth_pass', 'key', 'no_such_column']
			.filter((each) => !shownColumns.includes(each))
			.map((each) => row({ table: name, kind: 'changed', columns: [column(each, secret, `${secret}!`)] })),
	);
	const plan = planOf({ changes: hidden });

	expect(JSON.stringify(showChanges(plan, CATALOG))).not.toContain(secret);
	expect(describePlan(plan, CATALOG).join()).not.toContain(secret);
	expect(describePlan(plan, CATALOG).every((line) => line.endsWith(' ***'))).toBe(true);
});

test('rows of tables that the catalog does not know, settings and files have their line, too', () => {
	const plan = planOf({
		changes: [row({ table: 'unheard_of', title: '1,2', key: [1, 'b'], kind: 'removed' })],
		settings: [{ name: 'apiKeysEnabled', before: null, after: 'true' }],
		files: { writes: [{ path: 'upload/a.png' }], deletes: ['upload/b.png'] } as unknown as Plan['files'],
	});

	expect(describePlan(plan, CATALOG)).toEqual([
		'- unheard_of 1,2 (id 1,b)',
		'~ setting apiKeysEnabled: not set → true',
		'+ file upload/a.png',
		'- file upload/b.png',
	]);
});
