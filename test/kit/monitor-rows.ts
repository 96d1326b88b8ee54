import type { Value } from '../../src/model/row.ts';
import { openKumaDatabase } from './open-kuma-database.ts';

type Fields = Readonly<Record<string, Value>>;

/** Writes monitors into a Kuma's database beside it, which is how a test gets many of them, or intervals below 20 s. */
export interface MonitorRows {
	/** Adds copies of a monitor, each with fields of its own; `id` among them. */
	copy(templateId: number, copies: readonly Fields[]): Promise<void>;
	/** Changes monitors, each named by its `id`, in one transaction. */
	update(changes: readonly Fields[]): Promise<void>;
	remove(ids: readonly number[]): Promise<void>;
	close(): Promise<void>;
}

export async function openMonitorRows(dataDirectory: string): Promise<MonitorRows> {
	const database = await openKumaDatabase(dataDirectory);
	const columns = (await database.read((reader) => reader.schema())).tables.get('monitor')?.columns ?? [];
	return {
		copy: (templateId, copies) =>
			database.write(async (writer) => {
				const rows = await writer.rows({ table: 'monitor', columns, orderBy: ['id'] });
				const idIndex = columns.findIndex(({ name }) => name === 'id');
				const template = rows.find((row) => Number(row[idIndex]) === templateId);
				if (template === undefined) throw new Error(`There is no monitor ${templateId}`);
				await writer.insert({
					table: 'monitor',
					columns,
					rows: copies.map((fields) =>
						columns.map(({ name }, index) => fields[name] ?? template[index] ?? null),
					),
				});
			}),
		update: (changes) =>
			database.write(async (writer) => {
				for (const { id = null, ...fields } of changes) {
					const changed = columns.filter(({ name }) => name in fields);
					await writer.update({
						table: 'monitor',
						keyColumns: ['id'],
						key: [id],
						columns: changed,
						values: changed.map(({ name }) => fields[name] ?? null),
					});
				}
			}),
		remove: (ids) =>
			database.write(async (writer) => {
				await writer.delete({ table: 'monitor', keyColumns: ['id'], keys: ids.map((id) => [id]) });
			}),
		close: () => database.close(),
	};
}
