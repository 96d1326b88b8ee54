import type { Database, DatabaseReader, DatabaseWriter } from '../../src/model/database.ts';
import type { Column, Key, Row, TableSchema, Value } from '../../src/model/row.ts';

/** The tables of a database in memory: name → rows as column → value. */
export type MemoryTables = Map<string, Map<string, Readonly<Record<string, Value>>>>;

/** What a database in memory keeps while it is open and closed. */
export interface MemoryRows {
	readonly schema: ReadonlyMap<string, TableSchema>;
	tables: MemoryTables;
}

/** @returns a table without references or unique keys, whose key is its first column. */
export function memoryTable(name: string, columns: Readonly<Record<string, string>>): TableSchema {
	const [key = ''] = Object.keys(columns);
	return {
		name,
		columns: Object.entries(columns).map(
			([column, declared]): Column => ({
				name: column,
				declared,
				isNullable: column !== key,
			}),
		),
		primaryKey: [key],
		uniqueKeys: [],
		references: [],
	};
}

/**
 * A database of a few tables in memory. A transaction works on a copy, which takes the place of the tables when it
 * commits.
 * @param options.step runs before each read, and before and behind each commit: what never resolves, never happens.
 */
export function memoryDatabase(
	kept: MemoryRows,
	step: () => Promise<void> = async () => undefined,
): Database {
	const schemaOf = (name: string) => kept.schema.get(name) ?? raise(`no table ${name}`);
	const readerOf = (tables: MemoryTables): DatabaseReader => ({
		schema: async () => ({ kind: 'sqlite', tables: kept.schema }),
		async rows({ table, columns, orderBy }) {
			const rows = [...(tables.get(table)?.values() ?? raise(`no table ${table}`))];
			const compare = (one: Value, other: Value) =>
				typeof one === 'number' && typeof other === 'number'
					? one - other
					: String(one) < String(other)
						? -1
						: 1;
			rows.sort((a, b) => {
				for (const name of orderBy) if (a[name] !== b[name]) return compare(a[name] ?? null, b[name] ?? null);
				return 0;
			});
			return rows.map((row) => columns.map(({ name }) => row[name] ?? null));
		},
		async haveRows({ table, columns, keys }) {
			const rows = [...(tables.get(table)?.values() ?? raise(`no table ${table}`))];
			return keys.map((key) =>
				rows.some((row) => columns.every((name, index) => (row[name] ?? null) === key[index])),
			);
		},
		async countRows({ table, column, values, max }) {
			const rows = [...(tables.get(table)?.values() ?? raise(`no table ${table}`))];
			return Math.min(rows.filter((row) => values.includes(row[column] ?? null)).length, max);
		},
		rulesMark: async () => 'no rules',
	});
	return {
		kind: 'sqlite',
		location: 'memory',
		async read(read) {
			await step();
			return read(readerOf(kept.tables));
		},
		async write(write) {
			await step();
			const copy: MemoryTables = new Map([...kept.tables].map(([name, rows]) => [name, new Map(rows)]));
			const rowsOf = (name: string) => copy.get(name) ?? raise(`no table ${name}`);
			const writer: DatabaseWriter = {
				...readerOf(copy),
				async insert({ table, columns, rows }) {
					for (const row of rows) {
						const entry = toEntry(columns, row);
						const key = keyText(schemaOf(table).primaryKey.map((name) => entry[name] ?? null));
						if (rowsOf(table).has(key)) raise(`${table} has ${key}`);
						rowsOf(table).set(key, entry);
					}
				},
				async update({ table, key, columns, values }) {
					const before = rowsOf(table).get(keyText(key));
					if (before === undefined) return 0;
					rowsOf(table).set(keyText(key), { ...before, ...toEntry(columns, values) });
					return 1;
				},
				async delete({ table, keys }) {
					return keys.filter((key) => rowsOf(table).delete(keyText(key))).length;
				},
				countBrokenReferences: async () => 0,
			};
			const result = await write(writer);
			kept.tables = copy;
			await step();
			return result;
		},
		rehearse: async () => raise('a database in memory refuses nothing, so nobody rehearses'),
		waitUntilWritable: async () => undefined,
		deleteInSlices: async () => 0,
		watchWrites: () => ({ hasWritten: () => true, close: async () => undefined }),
		close: async () => undefined,
	};
}

function toEntry(columns: readonly Column[], values: Row): Record<string, Value> {
	return Object.fromEntries(columns.map(({ name }, index) => [name, values[index] ?? null]));
}

function keyText(key: Key): string {
	return key.map(String).join(',');
}

function raise(message: string): never {
	throw new Error(message);
}
