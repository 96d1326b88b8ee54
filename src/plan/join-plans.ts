import type { Plan } from '../model/plan.ts';
import type { ReloadReport } from '../model/reload.ts';

/** @returns one plan that says what several did, one after the other; what an earlier one foresaw is not said twice. */
export function joinPlans(plans: readonly Plan[]): Plan {
	const [first] = plans;
	if (first === undefined) throw new Error('there is no plan to join');
	const settings = plans.flatMap((plan) => plan.settings);
	return {
		...first,
		changes: firstOfEach(
			plans.flatMap(({ changes }) => changes),
			({ table, key }) => `${table} ${key.join()}`,
		),
		settings: firstOfEach(settings, ({ name }) => name),
		touchedMonitors: {
			retagged: plans.flatMap(({ touchedMonitors }) => touchedMonitors.retagged),
			relinked: plans.flatMap(({ touchedMonitors }) => touchedMonitors.relinked),
		},
	};
}

function firstOfEach<Item>(items: readonly Item[], nameOf: (item: Item) => string): Item[] {
	return [...Map.groupBy(items, nameOf).values()].flatMap(([first]) => (first === undefined ? [] : [first]));
}

/** @returns what several reloads came to; a restart outweighs everything else. */
export function joinReports(reports: readonly ReloadReport[]): ReloadReport {
	const restarted = reports.find(({ outcome }) => outcome === 'restarted');
	if (restarted !== undefined) return restarted;
	const reloaded = reports.filter((report) => report.outcome === 'reloaded');
	if (reloaded.length === 0) return { outcome: 'not-running' };
	const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
	return {
		outcome: 'reloaded',
		startedMonitors: sum(reloaded.map(({ startedMonitors }) => startedMonitors)),
		durationMs: sum(reloaded.map(({ durationMs }) => durationMs)),
	};
}
