import { DatabaseSync } from 'node:sqlite';
import { CATALOG } from '../../src/catalog/index.ts';

const TABLES = CATALOG.map(({ name }) => name).toReversed();

/** Statements that delete every row of the catalog and nothing else. */
export const EMPTY_CATALOG = TABLES.map((table) => `DELETE FROM \`${table}\``).join('; ');

/** Empties the catalog's tables of a SQLite database, as far as its Kuma has them. */
export function emptySqliteCatalog(path: string): void {
	const connection = new DatabaseSync(path);
	try {
		const has = connection.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?");
		for (const table of TABLES) {
			if (has.get(table) !== undefined) connection.exec(`DELETE FROM \`${table}\``);
		}
	} finally {
		connection.close();
	}
}
