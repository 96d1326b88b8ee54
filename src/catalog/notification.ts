import type { CatalogTable } from '../model/catalog-table.ts';

export const notification: CatalogTable = {
	name: 'notification',
	noun: 'notification',
	plural: 'notifications',
	titleColumn: 'name',
	shownColumns: ['name', 'active', 'is_default'],
	softReferences: [{ column: 'user_id', toTable: 'user' }],
};
