import { describeError } from '../describe-error.ts';
import { findBeans } from '../kuma/find-beans.ts';
import type { Bean, Kuma } from '../kuma/kuma.ts';
import { within } from '../within.ts';

const RUN_MAX_MS = 30_000;

export interface MaintenancesReloaded {
	/** Those that are not scheduled as they should be. */
	readonly failed: readonly { readonly id: number; readonly problem: string }[];
}

/**
 * Makes Kuma's maintenances as the database has them. The new one runs before it takes the place of the old one: in a
 * moment without either, a target that is down on purpose would be an outage, and somebody would be woken for it.
 * @param which `all`: those of the database, whether or not Kuma knows them, and those that only Kuma still knows.
 */
export async function reloadMaintenances(
	kuma: Kuma,
	which: readonly number[] | 'all',
): Promise<MaintenancesReloaded> {
	const list = kuma.server?.maintenanceList ?? {};
	const found = new Map((await findBeans(kuma, 'maintenance', which)).map((bean) => [bean.id, bean]));
	const ids = which === 'all' ? new Set([...found.keys(), ...Object.keys(list).map(Number)]) : new Set(which);
	const failed: { id: number; problem: string }[] = [];
	for (const id of ids) {
		const old = list[id];
		const bean = found.get(id);
		try {
			if (bean !== undefined) await run(bean, () => list[id] === bean);
		} catch (error) {
			failed.push({ id, problem: `maintenance ${id} could not be scheduled: ${describeError(error)}` });
			// What was planned before is better than nothing: without it, what is down on purpose is an outage.
			if (bean !== undefined && old !== undefined) {
				end(bean);
				continue;
			}
		}
		if (bean === undefined) delete list[id];
		else list[id] = bean;
		if (old !== undefined) end(old);
	}
	return { failed };
}

/** @param isListed whether Kuma uses it, when its run has ended after all. */
async function run(bean: Bean, isListed: () => boolean): Promise<void> {
	let isLate = false;
	const running = async () => {
		// True: a window that cannot be scheduled is an error, and not only a line of Kuma's log.
		await bean.run?.(true);
		if (isLate && !isListed()) end(bean);
	};
	try {
		await within(RUN_MAX_MS, running);
	} catch (error) {
		isLate = true;
		throw error;
	}
}

function end(bean: Bean): void {
	bean.stop?.();
	// Kuma's own stop forgets the end of a window that is open.
	clearTimeout(bean.beanMeta?.durationTimeout);
}
