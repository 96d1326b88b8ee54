import type { CatalogTable } from '../model/catalog-table.ts';

export const incident: CatalogTable = {
	name: 'incident',
	noun: 'incident',
	plural: 'incidents',
	titleColumn: 'title',
	shownColumns: ['title', 'style', 'pin', 'active', 'status_page_id'],
	softReferences: [{ column: 'status_page_id', toTable: 'status_page' }],
};
