import type { CatalogTable } from '../model/catalog-table.ts';

export const maintenance: CatalogTable = {
	name: 'maintenance',
	noun: 'maintenance',
	plural: 'maintenances',
	titleColumn: 'title',
	volatileColumns: ['last_start_date'],
	// Kuma works these out from the other columns when a person left them empty, on every instance by itself.
	derivedColumns: ['cron', 'duration', 'timezone'],
	shownColumns: [
		'title',
		'active',
		'strategy',
		'start_date',
		'end_date',
		'start_time',
		'end_time',
		'weekdays',
		'days_of_month',
		'interval_day',
		'cron',
		'timezone',
		'duration',
	],
};
