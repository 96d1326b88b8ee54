import type { CatalogTable } from '../model/catalog-table.ts';

export const apiKey: CatalogTable = {
	name: 'api_key',
	noun: 'API key',
	plural: 'API keys',
	titleColumn: 'name',
	shownColumns: ['name', 'active', 'expires'],
};
