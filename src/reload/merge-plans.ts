import { mergeRowChanges } from '../model/merge-row-changes.ts';
import type { ColumnChange } from '../model/plan.ts';
import type { ReloadedPlan } from '../model/reload.ts';
import type { Key } from '../model/row.ts';

/** @returns what a running Kuma must take up after both, each row once, with the columns of both. */
export function mergePlans(earlier: ReloadedPlan, later: ReloadedPlan): ReloadedPlan {
	return {
		changes: mergeRowChanges([...earlier.changes, ...later.changes], ({ column }: ColumnChange) => column),
		settings: unique([...earlier.settings, ...later.settings], ({ name }) => [name]),
		touchedMonitors: {
			retagged: mergeKeys(earlier.touchedMonitors.retagged, later.touchedMonitors.retagged),
			relinked: mergeKeys(earlier.touchedMonitors.relinked, later.touchedMonitors.relinked),
		},
		// Where there was no user at one time, the set-up page may still be shown.
		before: {
			monitors: later.before.monitors,
			users: Math.min(earlier.before.users, later.before.users),
		},
		timezone: later.timezone,
	};
}

function mergeKeys(earlier: readonly Key[], later: readonly Key[]): Key[] {
	return unique([...earlier, ...later], (key) => key);
}

function unique<Item>(items: readonly Item[], nameOf: (item: Item) => readonly unknown[]): Item[] {
	return [...new Map(items.map((item) => [nameOf(item).map(String).join('\0'), item])).values()];
}
