import { expect, test } from 'vitest';
import type { RowChange } from '../model/plan.ts';
import type { ReloadedPlan } from '../model/reload.ts';
import { mergePlans } from './merge-plans.ts';

function planOf(...changes: readonly RowChange[]): ReloadedPlan {
	return {
		changes,
		settings: [],
		touchedMonitors: { retagged: [], relinked: [] },
		before: { monitors: 1, users: 1 },
		timezone: null,
	};
}

function change(kind: RowChange['kind'], ...columns: readonly string[]): RowChange {
	return {
		table: 'user',
		key: [1],
		title: 'admin',
		kind,
		columns: columns.map((column) => ({ column, before: 'a', after: 'b' })),
	};
}

test('a password that changed is not forgotten when something else of that user changes', () => {
	const { changes } = mergePlans(
		planOf(change('changed', 'password', 'active')),
		planOf(change('changed', 'timezone', 'active')),
	);

	expect(changes).toEqual([change('changed', 'password', 'active', 'timezone')]);
});

test('a row that was replaced, and is then changed, is another one still', () => {
	const { changes } = mergePlans(planOf(change('replaced')), planOf(change('changed', 'timezone')));

	expect(changes).toEqual([change('replaced'), change('changed', 'timezone')]);
});
