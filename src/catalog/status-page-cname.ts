import type { CatalogTable } from '../model/catalog-table.ts';

/** A domain that shows a status page. The original does not replicate it. */
export const statusPageCname: CatalogTable = {
	name: 'status_page_cname',
	noun: 'status page domain',
	plural: 'status page domains',
	titleColumn: 'domain',
	shownColumns: ['domain', 'status_page_id'],
};
