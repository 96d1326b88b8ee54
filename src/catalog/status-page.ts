import type { CatalogTable } from '../model/catalog-table.ts';

export const statusPage: CatalogTable = {
	name: 'status_page',
	noun: 'status page',
	plural: 'status pages',
	titleColumn: 'slug',
	uploadColumns: ['icon'],
	// Kuma 2.0 knows none of these; a page without them shows the same monitors.
	additiveColumns: [
		'auto_refresh_interval',
		'analytics_id',
		'analytics_script_url',
		'analytics_type',
		'google_analytics_tag_id',
		'show_only_last_heartbeat',
		'rss_title',
	],
	shownColumns: [
		'slug',
		'title',
		'theme',
		'published',
		'search_engine_index',
		'show_tags',
		'show_powered_by',
		'show_certificate_expiry',
		'show_only_last_heartbeat',
		'auto_refresh_interval',
		'rss_title',
	],
};
