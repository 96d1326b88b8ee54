import type { CatalogTable } from '../model/catalog-table.ts';

export const user: CatalogTable = {
	name: 'user',
	noun: 'user',
	plural: 'users',
	titleColumn: 'username',
	// Written at a login with two factors, so that a code is good once: the leader's last code is none of a replica's.
	volatileColumns: ['twofa_last_token'],
	shownColumns: ['username', 'active', 'timezone', 'twofa_status'],
};
