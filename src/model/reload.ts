import type { Plan } from './plan.ts';

export type ReloadReport =
	/** Kuma was not running; it will read the new configuration when it starts. */
	{ readonly outcome: 'not-running' } | { readonly outcome: 'restarted'; readonly blindMs: number };

/** Makes the running Kuma take up what was applied. */
export interface Reload {
	/** Called once after each transaction that changed something. */
	reload(plan: Plan): Promise<ReloadReport>;
}
