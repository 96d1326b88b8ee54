import type { CatalogTable } from '../model/catalog-table.ts';

export const maintenanceStatusPage: CatalogTable = {
	name: 'maintenance_status_page',
	noun: 'maintenance on a status page',
	plural: 'maintenances on status pages',
	shownColumns: ['status_page_id', 'maintenance_id'],
};
