import { findBeans } from './find-beans.ts';
import type { Bean, Kuma } from './kuma.ts';

/**
 * Makes Kuma's maintenances as the database has them. The new one runs before it takes the place of the old one: in a
 * moment without either, a target that is down on purpose would be an outage, and somebody would be woken for it.
 * @returns what could not be taken up.
 */
export async function reloadMaintenances(kuma: Kuma, which: readonly number[] | 'all'): Promise<string[]> {
	const list = kuma.server?.maintenanceList ?? {};
	const ids = which === 'all' ? Object.keys(list).map(Number) : [...new Set(which)];
	const found = new Map((await findBeans(kuma, 'maintenance', ids)).map((bean) => [bean.id, bean]));
	const problems: string[] = [];
	for (const id of ids) {
		const old = list[id];
		const bean = found.get(id);
		if (bean === undefined) delete list[id];
		else {
			try {
				await bean.run?.();
			} catch (error) {
				problems.push(`maintenance ${id} could not be scheduled: ${String(error)}`);
			}
			list[id] = bean;
		}
		if (old !== undefined) end(old);
	}
	return problems;
}

function end(bean: Bean): void {
	bean.stop?.();
	// Kuma's own stop forgets the end of a window that is open.
	clearTimeout(bean.beanMeta?.durationTimeout);
}
