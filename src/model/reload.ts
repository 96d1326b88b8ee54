import type { Plan } from './plan.ts';

/** What of a plan matters to a running Kuma. */
export type ReloadedPlan = Pick<Plan, 'changes' | 'settings' | 'touchedMonitors' | 'before'> & {
	/** The zone of maintenances "as on the server"; null: this server's own. */
	readonly timezone: string | null;
};

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
	/**
	 * Stops the monitors that a plan changes or removes, so that Kuma does not beat on rows that are gone. They stay
	 * stopped until then; may be called again before it, with another plan. Never fails: a Kuma that cannot be
	 * asked is restarted by the `reload`.
	 */
	stop(plan: ReloadedPlan): Promise<void>;
	/** Starts again what was stopped for a plan that could not be carried out. Never fails, never restarts Kuma. */
	resume(plan: ReloadedPlan): Promise<void>;
	/** Makes Kuma as its database now is, after a plan was carried out. */
	reload(plan: ReloadedPlan): Promise<ReloadReport>;
	/** Evaluates maintenances "as on the server" in the leader's zone; null: in this server's own. */
	keepTimezone(timezone: string | null): Promise<void>;
}
