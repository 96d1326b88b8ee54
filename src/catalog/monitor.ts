import type { CatalogTable } from '../model/catalog-table.ts';

export const monitor: CatalogTable = {
	name: 'monitor',
	noun: 'monitor',
	plural: 'monitors',
	titleColumn: 'name',
	volatileColumns: ['dns_last_result'],
	// A monitor checks the same without these; it only tells or keeps less.
	additiveColumns: [
		'domain_expiry_notification',
		'save_response',
		'save_error_response',
		'response_max_length',
		'screenshot_delay',
		'retry_only_on_status_code_failure',
	],
	// No address: URLs and connection strings carry passwords and tokens.
	shownColumns: [
		'name',
		'type',
		'active',
		'hostname',
		'port',
		'interval',
		'retry_interval',
		'resend_interval',
		'maxretries',
		'timeout',
		'method',
		'parent',
		'weight',
		'upside_down',
		'ignore_tls',
		'expiry_notification',
		'maxredirects',
		'accepted_statuscodes_json',
		'packet_size',
	],
	birthColumn: 'created_date',
	activeColumn: 'active',
};
