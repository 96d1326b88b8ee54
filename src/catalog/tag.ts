import type { CatalogTable } from '../model/catalog-table.ts';

export const tag: CatalogTable = {
	name: 'tag',
	noun: 'tag',
	plural: 'tags',
	titleColumn: 'name',
	shownColumns: ['name', 'color'],
};
