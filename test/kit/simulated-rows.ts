import type { CatalogTable } from '../../src/model/catalog-table.ts';
import { type MemoryRows, memoryTable } from './memory-database.ts';

/** What a simulation replicates. */
export const SIMULATED_CATALOG: readonly CatalogTable[] = [
	{ name: 'user', noun: 'user', plural: 'users', shownColumns: [] },
	{
		name: 'monitor',
		noun: 'monitor',
		plural: 'monitors',
		titleColumn: 'name',
		activeColumn: 'active',
		birthColumn: 'created_date',
		shownColumns: [],
	},
];
const SCHEMA = new Map(
	[
		memoryTable('user', { id: 'INTEGER', username: 'TEXT' }),
		memoryTable('monitor', { id: 'INTEGER', name: 'TEXT', active: 'BOOLEAN', created_date: 'DATETIME' }),
		memoryTable('setting', { key: 'TEXT', value: 'TEXT' }),
	].map((table) => [table.name, table]),
);
export const MONITORS = 3;

export function firstMonitor(id: number) {
	return { id, name: `monitor ${id}`, active: 1, created_date: `2026-11-0${id} 00:00:00` };
}

export function firstRows(): MemoryRows {
	const monitors = Array.from({ length: MONITORS }, (_, index) => firstMonitor(index + 1));
	return {
		schema: SCHEMA,
		tables: new Map([
			['user', new Map([['1', { id: 1, username: 'admin' }]])],
			['monitor', new Map(monitors.map((row) => [String(row.id), row]))],
			['setting', new Map()],
		]),
	};
}

/** @returns what a member's database holds, as text. */
export function contentOf(rows: MemoryRows): string {
	const monitors = [...(rows.tables.get('monitor')?.values() ?? [])];
	return monitors
		.map(({ id, name, active }) => `${id}:${name}:${active}`)
		.sort()
		.join(' ');
}
