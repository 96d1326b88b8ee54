import type { CatalogTable } from '../model/catalog-table.ts';

export const monitorGroup: CatalogTable = {
	name: 'monitor_group',
	noun: 'monitor on a status page',
	plural: 'monitors on status pages',
	additiveColumns: ['custom_url'],
	shownColumns: ['monitor_id', 'group_id', 'weight', 'send_url'],
};
