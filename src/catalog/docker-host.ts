import type { CatalogTable } from '../model/catalog-table.ts';

/** Monitors refer to it with a foreign key, so it is replicated; each instance has Docker hosts of its own. */
export const dockerHost: CatalogTable = {
	name: 'docker_host',
	noun: 'Docker host',
	plural: 'Docker hosts',
	titleColumn: 'name',
	shownColumns: ['name', 'docker_type'],
	isLocalEntity: true,
	softReferences: [{ column: 'user_id', toTable: 'user' }],
};
