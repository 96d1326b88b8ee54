import type { CatalogTable } from '../model/catalog-table.ts';

export const proxy: CatalogTable = {
	name: 'proxy',
	noun: 'proxy',
	plural: 'proxies',
	titleColumn: 'host',
	shownColumns: ['protocol', 'host', 'port', 'auth', 'active', 'default'],
	birthColumn: 'created_date',
	isLocalEntity: true,
	softReferences: [{ column: 'user_id', toTable: 'user' }],
};
