import type { Bean, Kuma } from './kuma.ts';
import type { MonitorStarts } from './monitor-starts.ts';
import { stagger } from './stagger.ts';

export interface MonitorsRestarted {
	readonly started: number;
	readonly stopped: number;
	readonly problems: readonly string[];
}

/** Stops what runs of these monitors. Their rows may then change or go without a beat on what is no longer there. */
export async function stopMonitors(
	kuma: Kuma,
	starts: MonitorStarts,
	ids: Iterable<number>,
): Promise<number> {
	let stopped = 0;
	for (const id of ids) {
		const bean = kuma.server?.monitorList?.[id];
		if (bean === undefined) continue;
		await starts.retire(bean);
		stopped += 1;
	}
	return stopped;
}

/**
 * Makes these monitors run as the database has them: stopped, gone, or started anew with a beat at once.
 * @param monitors.beans what the database has of them.
 * @param monitors.strangers those whose history is gone, whether or not there is another monitor under their id.
 */
export async function restartMonitors(
	kuma: Kuma,
	starts: MonitorStarts,
	monitors: {
		readonly ids: readonly number[];
		readonly beans: readonly Bean[];
		readonly strangers: readonly number[];
	},
): Promise<MonitorsRestarted> {
	const { ids, beans, strangers } = monitors;
	const list = kuma.server?.monitorList ?? {};
	const stopped = await stopMonitors(kuma, starts, ids);
	for (const id of ids) delete list[id];
	for (const id of strangers) {
		// Statistics that are kept in memory would be written to rows that are gone, or to a stranger's.
		kuma.UptimeCalculator?.remove?.(id);
		kuma.UptimeCacheList?.clearCache?.(id);
	}
	const problems: string[] = [];
	const active = beans.filter(({ active }) => Number(active) === 1);
	await stagger(active, async (bean) => {
		try {
			// Somebody at a page may have resumed it while it waited for its turn.
			const other = list[bean.id];
			if (other !== undefined) await starts.retire(other);
			list[bean.id] = bean;
			await bean.start?.(kuma.server?.io);
		} catch (error) {
			problems.push(`monitor ${bean.id} could not be started: ${String(error)}`);
		}
	});
	return { started: active.length, stopped, problems };
}
