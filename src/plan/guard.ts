import type { Plan } from '../model/plan.ts';

/** When a plan deletes too much to be carried out unasked. */
export interface GuardLimits {
	/** Share of the monitors, 0 to 1, that a plan must delete at least to be held. */
	readonly share: number;
	/** Number of monitors that a plan must delete at least to be held. Both limits must be reached. */
	readonly count: number;
}

export type GuardVerdict =
	| { readonly outcome: 'passed' }
	| {
			readonly outcome: 'held';
			readonly reason: 'many-monitors' | 'all-users' | 'foreign-monitors';
			readonly monitorsDeleted: number;
			readonly monitorsBefore: number;
			readonly usersDeleted: number;
	  };

/**
 * Holds a plan that looks like an accident: it would delete most monitors, all users, or, at the first apply,
 * monitors that this lineage never brought, because the instance has had a life of its own.
 * @param confirmed whether somebody has confirmed the delete of a row.
 */
export function guardPlan(request: {
	readonly plan: Plan;
	readonly limits: GuardLimits | 'off';
	readonly isFirstApply: boolean;
	readonly isConfirmed: (deleted: { readonly table: string; readonly key: string }) => boolean;
}): GuardVerdict {
	const { plan, limits } = request;
	const monitorsDeleted = countDeletes(request, 'monitor');
	const usersDeleted = countDeletes(request, 'user');
	const monitorsBefore = plan.before.monitors;
	const hold = (reason: 'many-monitors' | 'all-users' | 'foreign-monitors'): GuardVerdict => ({
		outcome: 'held',
		reason,
		monitorsDeleted,
		monitorsBefore,
		usersDeleted,
	});
	if (request.isFirstApply && monitorsDeleted > 0) return hold('foreign-monitors');
	if (usersDeleted > 0 && usersDeleted === plan.before.users) return hold('all-users');
	if (limits === 'off' || monitorsDeleted === 0) return { outcome: 'passed' };
	const isMany = monitorsDeleted >= limits.count && monitorsDeleted >= monitorsBefore * limits.share;
	return isMany ? hold('many-monitors') : { outcome: 'passed' };
}

function countDeletes(
	request: {
		readonly plan: Plan;
		readonly isConfirmed: (deleted: { table: string; key: string }) => boolean;
	},
	table: string,
): number {
	return request.plan.changes.filter(
		(change) =>
			change.table === table &&
			(change.kind === 'removed' || change.kind === 'replaced') &&
			!request.isConfirmed({ table, key: change.key.map(String).join(',') }),
	).length;
}
