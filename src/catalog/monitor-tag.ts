import type { CatalogTable } from '../model/catalog-table.ts';

export const monitorTag: CatalogTable = {
	name: 'monitor_tag',
	noun: 'tag of a monitor',
	plural: 'tags of monitors',
	shownColumns: ['monitor_id', 'tag_id', 'value'],
};
