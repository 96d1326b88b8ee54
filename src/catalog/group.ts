import type { CatalogTable } from '../model/catalog-table.ts';

/** A heading on a status page, with the monitors below it. Groups in the monitor list are monitors. */
export const group: CatalogTable = {
	name: 'group',
	noun: 'status page group',
	plural: 'status page groups',
	titleColumn: 'name',
	shownColumns: ['name', 'public', 'active', 'weight', 'status_page_id'],
	softReferences: [{ column: 'status_page_id', toTable: 'status_page' }],
};
