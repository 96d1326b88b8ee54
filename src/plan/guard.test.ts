import { describe, expect, test } from 'vitest';
import type { Plan, RowChange } from '../model/plan.ts';
import { type GuardLimits, guardPlan } from './guard.ts';

const LIMITS: GuardLimits = { share: 0.5, count: 10 };

function planDeleting(deletes: {
	monitors?: number;
	users?: number;
	of?: number;
	usersBefore?: number;
}): Plan {
	const removed = (table: string, count: number): RowChange[] =>
		Array.from({ length: count }, (_, id) => ({ table, key: [id], title: '', kind: 'removed', columns: [] }));
	return {
		changes: [...removed('monitor', deletes.monitors ?? 0), ...removed('user', deletes.users ?? 0)],
		settings: [],
		files: { writes: [], deletes: [] },
		heldRows: [],
		steps: [],
		mayPass: false,
		history: { tables: [], isSliceable: true },
		removedMonitors: [],
		remarks: [],
		touchedMonitors: { retagged: [], relinked: [] },
		timezone: 'UTC',
		before: { monitors: deletes.of ?? 100, users: deletes.usersBefore ?? 1 },
		isEmpty: false,
	};
}

const guard = (plan: Plan, more: Partial<Parameters<typeof guardPlan>[0]> = {}) =>
	guardPlan({ plan, limits: LIMITS, isFirstApply: false, isConfirmed: () => false, ...more });

describe('a plan is held', () => {
	test('when it deletes half of the monitors and at least ten', () => {
		expect(guard(planDeleting({ monitors: 10, of: 20 }))).toMatchObject({
			outcome: 'held',
			reason: 'many-monitors',
		});
	});

	test('when it deletes all users', () => {
		expect(guard(planDeleting({ users: 2, usersBefore: 2 }))).toMatchObject({
			outcome: 'held',
			reason: 'all-users',
		});
	});

	test('when the first apply would delete a single monitor', () => {
		expect(guard(planDeleting({ monitors: 1 }), { isFirstApply: true })).toMatchObject({
			reason: 'foreign-monitors',
		});
	});

	test('when all users would go, even with the limits switched off', () => {
		expect(guard(planDeleting({ users: 1 }), { limits: 'off' })).toMatchObject({ reason: 'all-users' });
	});
});

describe('a plan passes', () => {
	test.each([
		['nine of nine monitors', { monitors: 9, of: 9 }],
		['ten of twenty-one monitors', { monitors: 10, of: 21 }],
		['one of two users', { users: 1, usersBefore: 2 }],
	])('when it deletes %s', (_what, deletes) => {
		expect(guard(planDeleting(deletes)).outcome).toBe('passed');
	});

	test('when what it deletes was confirmed', () => {
		expect(guard(planDeleting({ monitors: 50, users: 1 }), { isConfirmed: () => true }).outcome).toBe(
			'passed',
		);
	});
});
