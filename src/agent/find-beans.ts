import type { Bean, Kuma } from './kuma.ts';

const IDS_PER_QUERY_MAX = 500;

/** Reads rows of Kuma's as its own objects. @returns those that there are. */
export async function findBeans(kuma: Kuma, table: string, ids: readonly number[]): Promise<Bean[]> {
	const beans: Bean[] = [];
	for (let first = 0; first < ids.length; first += IDS_PER_QUERY_MAX) {
		const some = ids.slice(first, first + IDS_PER_QUERY_MAX);
		const marks = some.map(() => '?').join(',');
		beans.push(...((await kuma.beans?.find?.(table, ` id IN (${marks}) `, some)) ?? []));
	}
	return beans;
}
