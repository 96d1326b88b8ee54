import { agentLog } from '../agent-log.ts';
import { findBeans } from '../kuma/find-beans.ts';
import type { Bean, Kuma } from '../kuma/kuma.ts';
import type { MonitorStarts } from './monitor-starts.ts';

/**
 * A check that was under way when its monitor was removed ends when the monitor's row is gone, up to its timeout later.
 * Kuma would keep statistics for it once more, and tell the database's refusal as an error of its own.
 * @returns whether Kuma's way into the database is as expected.
 */
export function dropLateBeats(readKuma: () => Kuma, starts: MonitorStarts): boolean {
	const { beans } = readKuma();
	const store = beans?.store;
	if (beans === undefined || typeof store !== 'function') return false;
	beans.store = function (this: unknown, bean, ...rest) {
		const stored = store.call(this, bean, ...rest);
		if (bean?.monitor_id === undefined || !(stored instanceof Promise)) return stored;
		return stored.catch(async (error: unknown) => {
			const id = Number(bean.monitor_id);
			if (!(await isGone(readKuma(), starts, id))) throw error;
			// With its heartbeat, a check is done with its statistics; without them in between, Kuma would fail at them.
			if (bean.beanMeta?.type === 'heartbeat') forgetStatistics(readKuma(), id);
			return 0;
		});
	};
	return true;
}

/** Statistics that are kept in memory would be written to rows that are gone, or to a stranger's. */
export function forgetStatistics(kuma: Kuma, monitorId: number): void {
	kuma.UptimeCalculator?.remove?.(monitorId);
	kuma.UptimeCacheList?.clearCache?.(monitorId);
}

/** What runs is there: only of what was stopped, the database is asked. */
async function isGone(kuma: Kuma, starts: MonitorStarts, id: number): Promise<boolean> {
	const running: Bean | undefined = kuma.server?.monitorList?.[id];
	if (running !== undefined && !starts.hasRetired(running)) return false;
	try {
		return (await findBeans(kuma, 'monitor', [id])).length === 0;
	} catch (error) {
		// Then the beat failed for that reason, too, which Kuma tells.
		agentLog('a monitor whose beat could not be stored could not be looked for', error);
		return false;
	}
}
