import { CATALOG } from '../../src/catalog/index.ts';
import type { Database } from '../../src/model/database.ts';
import type { Value } from '../../src/model/row.ts';
import { takeTables } from '../../src/snapshot/take.ts';
import type { TruthRow } from './fixtures.ts';

/** @returns every row of the catalog's tables as column → value, by table, ordered by id. */
export async function typedRows(database: Database): Promise<Map<string, TruthRow[]>> {
	const taken = await database.read((reader) => takeTables(reader, CATALOG));
	return new Map(
		taken.tables.map((table) => [
			table.name,
			table.rows.map((row) =>
				Object.fromEntries(
					table.columns.map(({ name }, index): [string, Value] => [name, row[index] ?? null]),
				),
			),
		]),
	);
}
