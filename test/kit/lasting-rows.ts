import { CATALOG } from '../../src/catalog/index.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import type { DatabaseConfig } from '../../src/model/database-config.ts';
import type { TruthRow } from './fixtures.ts';
import { typedRows } from './typed-rows.ts';

/** @returns every row of the catalog's tables without its volatile columns, which are each instance's own. */
export async function lastingRows(config: DatabaseConfig): Promise<Map<string, TruthRow[]>> {
	const database = await openDatabase(config);
	try {
		const rows = await typedRows(database);
		for (const { name, volatileColumns = [] } of CATALOG) {
			const found = rows.get(name);
			if (found === undefined) continue;
			rows.set(
				name,
				found.map((row) =>
					Object.fromEntries(Object.entries(row).filter(([column]) => !volatileColumns.includes(column))),
				),
			);
		}
		return rows;
	} finally {
		await database.close();
	}
}
