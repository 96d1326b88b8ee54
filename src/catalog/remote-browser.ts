import type { CatalogTable } from '../model/catalog-table.ts';

export const remoteBrowser: CatalogTable = {
	name: 'remote_browser',
	noun: 'remote browser',
	plural: 'remote browsers',
	titleColumn: 'name',
	// Its URL often carries an access token.
	shownColumns: ['name'],
	isLocalEntity: true,
	softReferences: [{ column: 'user_id', toTable: 'user' }],
};
