import type { Plan } from './plan.ts';

/** What of a plan matters to a running Kuma. */
export type ReloadedPlan = Pick<Plan, 'changes' | 'settings' | 'touchedMonitors' | 'before'> & {
	/** The zone of maintenances "as on the server"; null: this server's own. */
	readonly timezone: string | null;
};

/** A zone, or how to find it where none is known yet, which may be costly; null: it cannot be found now. */
export type LeadersZone = string | (() => Promise<string | null>);

export type ReloadReport =
	/** Kuma was not running; it will read the new configuration when it starts. */
	| { readonly outcome: 'not-running' }
	/** Kuma took it up while it ran. */
	| { readonly outcome: 'reloaded'; readonly startedMonitors: number; readonly durationMs: number }
	/** Kuma could not, and was restarted. */
	| { readonly outcome: 'restarted'; readonly reason: string; readonly blindMs: number };

/**
 * Makes the running Kuma take up what is applied: `stop`, then the transaction, then `reload`, or
 * `resume` when the transaction was undone.
 */
export interface Reload {
	/** Whether the running Kuma, if there is one, would take the plan up without a restart. */
	canReload(plan: ReloadedPlan): boolean;
	/**
	 * Stops the monitors that a plan changes or removes, so that Kuma does not beat on rows that are gone. They stay
	 * stopped until then, but not for long: if neither comes, they run again as the database has them. May be called again
	 * before it, with another plan. Never fails: a Kuma that cannot be asked is restarted by the `reload`.
	 */
	stop(plan: ReloadedPlan): Promise<void>;
	/** Starts again what was stopped for a plan that could not be carried out. Never fails, never restarts Kuma. */
	resume(plan: ReloadedPlan): Promise<void>;
	/**
	 * Makes Kuma as its database now is, after a plan was carried out. When it fails, it keeps what Kuma may not have taken
	 * up as owed, so that the caller need not `owe` the plan; of a Kuma that starts, however slowly, nothing is.
	 */
	reload(plan: ReloadedPlan): Promise<ReloadReport>;
	/** Remembers a plan of which nobody knows whether it was, or will be, carried out: a later `settle` makes sure. */
	owe(plan: ReloadedPlan): void;
	/**
	 * Makes Kuma take up what may still be open, after a cycle that had nothing to apply: what is owed, a reload that
	 * failed, or a zone that did not take effect. Costs nothing when nothing is open.
	 * @param timezone the leader's zone, for maintenances "as on the server"; absent: the one that was wanted last.
	 * @returns what the reload of an open plan came to; null when there was none.
	 */
	settle(timezone?: LeadersZone): Promise<ReloadReport | null>;
}
