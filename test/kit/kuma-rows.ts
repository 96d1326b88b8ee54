import type { Value } from '../../src/model/row.ts';
import { openKumaDatabase } from './open-kuma-database.ts';

/** @returns all rows of one table of a Kuma's database as column → value, ordered by its key. */
export async function kumaRows(dataDirectory: string, table: string): Promise<Record<string, Value>[]> {
	const database = await openKumaDatabase(dataDirectory);
	try {
		return await database.read(async (reader) => {
			const schema = (await reader.schema()).tables.get(table);
			if (schema === undefined) throw new Error(`${dataDirectory} has no table ${table}`);
			const { columns, primaryKey } = schema;
			const rows = await reader.rows({ table, columns, orderBy: primaryKey });
			return rows.map((row) =>
				Object.fromEntries(columns.map(({ name }, index) => [name, row[index] ?? null])),
			);
		});
	} finally {
		await database.close();
	}
}
