import type { CatalogTable } from '../model/catalog-table.ts';

export const monitorMaintenance: CatalogTable = {
	name: 'monitor_maintenance',
	noun: 'monitor in a maintenance',
	plural: 'monitors in maintenances',
	shownColumns: ['monitor_id', 'maintenance_id'],
};
