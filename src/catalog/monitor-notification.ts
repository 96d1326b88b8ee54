import type { CatalogTable } from '../model/catalog-table.ts';

export const monitorNotification: CatalogTable = {
	name: 'monitor_notification',
	noun: 'link of a monitor to a notification',
	plural: 'links of monitors to notifications',
	shownColumns: ['monitor_id', 'notification_id'],
};
