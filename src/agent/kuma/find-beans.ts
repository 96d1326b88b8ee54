import type { Bean, Kuma } from './kuma.ts';

const IDS_PER_QUERY_MAX = 500;

/** Reads rows of Kuma's as its own objects. @param which ids, or the whole table. @returns those that there are. */
export async function findBeans(
	kuma: Kuma,
	table: string,
	which: readonly number[] | 'all',
): Promise<Bean[]> {
	if (which === 'all') return (await kuma.beans?.find?.(table, ' 1 = 1 ', [])) ?? [];
	const beans: Bean[] = [];
	for (let first = 0; first < which.length; first += IDS_PER_QUERY_MAX) {
		const some = which.slice(first, first + IDS_PER_QUERY_MAX);
		const marks = some.map(() => '?').join(',');
		beans.push(...((await kuma.beans?.find?.(table, ` id IN (${marks}) `, some)) ?? []));
	}
	return beans;
}
