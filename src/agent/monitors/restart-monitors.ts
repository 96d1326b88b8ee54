import { describeError } from '../describe-error.ts';
import { findBeans } from '../kuma/find-beans.ts';
import type { Bean, Kuma } from '../kuma/kuma.ts';
import { forgetStatistics } from './late-beats.ts';
import type { MonitorStarts } from './monitor-starts.ts';
import { stagger } from './stagger.ts';

interface Failed {
	readonly id: number;
	readonly problem: string;
}

export interface MonitorsStopped {
	readonly stopped: number;
	/** Those whose own stop failed. */
	readonly failed: readonly Failed[];
}

export interface MonitorsRestarted {
	readonly started: number;
	readonly stopped: number;
	/** Those that are not as they should be. */
	readonly failed: readonly Failed[];
}

/** Stops what runs of these monitors. Their rows may then change or go without a beat on what is no longer there. */
export async function stopMonitors(
	kuma: Kuma,
	starts: MonitorStarts,
	ids: Iterable<number>,
): Promise<MonitorsStopped> {
	let stopped = 0;
	const failed: Failed[] = [];
	for (const id of ids) {
		const bean = kuma.server?.monitorList?.[id];
		if (bean === undefined) continue;
		try {
			await starts.retire(bean);
			stopped += 1;
		} catch (error) {
			failed.push({ id, problem: `monitor ${id} could not be stopped: ${describeError(error)}` });
		}
	}
	return { stopped, failed };
}

/**
 * Makes these monitors run as the database has them: stopped, gone, or started anew with a beat at once. That takes
 * minutes when they are many, in which people at Kuma's own pages pause, edit and delete some of them: each one is read
 * again right before its start, and what Kuma has done to it meanwhile stands.
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
	const { stopped, failed: notStopped } = await stopMonitors(kuma, starts, ids);
	// One that Kuma has started since it was stopped goes on.
	for (const id of ids) if (starts.hasRetired(list[id])) delete list[id];
	for (const id of strangers) forgetStatistics(kuma, id);
	// They wait in Kuma's own list: what is paused or deleted there is marked, and what is started takes their place.
	const waiting = beans.filter((bean) => isActive(bean) && list[bean.id] === undefined);
	for (const bean of waiting) list[bean.id] = bean;
	const failed = [...notStopped];
	let started = 0;
	const start = async (waitingBean: Bean, bean: Bean | undefined) => {
		const { id } = waitingBean;
		if (list[id] !== waitingBean || !isActive(waitingBean)) return;
		if (bean === undefined || !isActive(bean)) {
			delete list[id];
			return;
		}
		list[id] = bean;
		await starts.start(bean, kuma.server?.io);
		started += 1;
	};
	await stagger(waiting, async (some) => {
		const ids = some.map(({ id }) => id);
		const reading = findBeans(kuma, 'monitor', ids);
		const each = some.map(async (bean) => {
			const { id } = bean;
			try {
				const rows = await reading;
				await start(
					bean,
					rows.find((row) => row.id === id),
				);
			} catch (error) {
				failed.push({ id, problem: `monitor ${id} could not be started: ${describeError(error)}` });
			}
		});
		await Promise.all(each);
	});
	return { started, stopped, failed };
}

function isActive({ active }: Bean): boolean {
	return Number(active) === 1;
}
