import type { AgentOptions } from '../../model/agent-protocol.ts';
import { guarded } from '../agent-log.ts';
import type { Beans } from './kuma.ts';

const WRITE =
	/^\s*(?:insert\s+(?:or\s+\w+\s+|ignore\s+)?into|update|delete\s+from|replace\s+into)\s+[`"[]?(\w+)[`"\]]?/i;
const SET_COLUMNS = /^\s*update\s+\S+\s+set\s+(\S.*?)(?:\swhere\s|$)/is;

/**
 * Tells which watched tables Kuma writes, by the statements that go through its query builder. Several writes of one
 * turn of the event loop are one event. Inside a transaction the event comes before the commit.
 * @returns whether Kuma's query builder is as expected.
 */
export function watchWrites(
	beans: Beans | undefined,
	watched: AgentOptions['watched'],
	onChanged: (tables: string[]) => void,
): boolean {
	const { knex } = beans ?? {};
	if (typeof knex?.on !== 'function') return false;
	const pending = new Set<string>();
	const tell = () => {
		const tables = [...pending];
		pending.clear();
		guarded('telling what was written', () => onChanged(tables));
	};
	knex.on('query-response', (_response: unknown, query: { readonly sql?: unknown } | undefined) => {
		guarded('watching writes', () => {
			const table = typeof query?.sql === 'string' ? writtenTable(query.sql, watched) : null;
			if (table === null) return;
			if (pending.size === 0) setImmediate(tell);
			pending.add(table);
		});
	});
	return true;
}

/** @returns the watched table that a statement writes, or null: it reads, or writes only what nobody watches. */
export function writtenTable(sql: string, watched: AgentOptions['watched']): string | null {
	const table = WRITE.exec(sql)?.[1]?.toLowerCase();
	const ignored = table === undefined ? undefined : watched[table];
	if (table === undefined || ignored === undefined) return null;
	if (ignored.length === 0) return table;
	const columns = SET_COLUMNS.exec(sql)?.[1]
		?.split(',')
		.map((part) => /^\s*[`"[]?(\w+)/.exec(part)?.[1] ?? '');
	return columns?.every((column) => ignored.includes(column)) === true ? null : table;
}
