import {
	DummyDriver,
	Kysely,
	MysqlAdapter,
	MysqlIntrospector,
	MysqlQueryCompiler,
	SqliteAdapter,
	SqliteIntrospector,
	SqliteQueryCompiler,
	sql,
} from 'kysely';
import type { DatabaseReader } from '../model/database.ts';
import type { DatabaseKind } from '../model/row.ts';

type AnyTables = Record<string, Record<string, unknown>>;

/** SQL text for one kind of database, built once a shape and used again; values are always parameters. */
export interface Statements {
	insert(shape: { table: string; columns: readonly string[]; rowCount: number }): string;
	update(shape: { table: string; columns: readonly string[]; keyColumns: readonly string[] }): string;
	delete(shape: { table: string; keyColumns: readonly string[]; keyCount: number }): string;
	/** @returns which rows of a table are read, and in which order: the end of a SELECT. */
	part(request: Pick<Parameters<DatabaseReader['rows']>[0], 'orderBy' | 'newest'>): string;
	/** Asks for one row with these values. */
	find(shape: { table: string; columns: readonly string[] }): string;
	/** Counts rows with one value up to a number of rows, which is the second parameter. */
	count(shape: { table: string; column: string }): string;
	/** @returns one column name quoted for this database. */
	quote(name: string): string;
}

/** Kysely only compiles here: it never sees a connection. */
export function makeStatements(kind: DatabaseKind): Statements {
	const compiler = new Kysely<AnyTables>({
		dialect: {
			createAdapter: () => (kind === 'sqlite' ? new SqliteAdapter() : new MysqlAdapter()),
			createDriver: () => new DummyDriver(),
			createIntrospector: (db) =>
				kind === 'sqlite' ? new SqliteIntrospector(db) : new MysqlIntrospector(db),
			createQueryCompiler: () => (kind === 'sqlite' ? new SqliteQueryCompiler() : new MysqlQueryCompiler()),
		},
	});
	const cache = new Map<string, string>();
	const cached = (shape: string, compile: () => { readonly sql: string }) => {
		const known = cache.get(shape);
		if (known !== undefined) return known;
		const text = compile().sql;
		cache.set(shape, text);
		return text;
	};
	const quote = (name: string) => sql.id(name).compile(compiler).sql;
	// What stands for a value while a statement is compiled. NULL would be compiled to a literal.
	const anyValue = 0;
	return {
		insert: ({ table, columns, rowCount }) =>
			cached(JSON.stringify(['insert', table, columns, rowCount]), () => {
				const row = Object.fromEntries(columns.map((column) => [column, anyValue]));
				return compiler.insertInto(table).values(new Array(rowCount).fill(row)).compile();
			}),
		update: ({ table, columns, keyColumns }) =>
			cached(JSON.stringify(['update', table, columns, keyColumns]), () => {
				const values = Object.fromEntries(columns.map((column) => [column, anyValue]));
				let query = compiler.updateTable(table).set(values);
				for (const column of keyColumns) query = query.where(sql.ref(column), '=', anyValue);
				return query.compile();
			}),
		delete: ({ table, keyColumns, keyCount }) =>
			cached(JSON.stringify(['delete', table, keyColumns, keyCount]), () =>
				compiler
					.deleteFrom(table)
					.where(({ eb, and, or }) =>
						or(
							new Array(keyCount)
								.fill(null)
								.map(() => and(keyColumns.map((column) => eb(sql.ref(column), '=', anyValue)))),
						),
					)
					.compile(),
			),
		find: ({ table, columns }) => {
			const where = columns.map((name) => `${quote(name)} = ?`).join(' AND ');
			return `SELECT 1 AS found FROM ${quote(table)} WHERE ${where} LIMIT 1`;
		},
		count: ({ table, column }) =>
			`SELECT count(*) AS count FROM (SELECT 1 FROM ${quote(table)} WHERE ${quote(column)} = ? LIMIT ?) AS counted`,
		part: ({ orderBy, newest }) => {
			if (newest === undefined) return `ORDER BY ${orderBy.map(quote).join(', ')}`;
			const [afterId, rowsMax] = [newest.afterId, newest.rowsMax].map((value) => {
				if (!Number.isSafeInteger(value)) throw new Error(`${value} is no number of a row`);
				return value;
			});
			return `WHERE ${quote('id')} > ${afterId} ORDER BY ${quote('id')} DESC LIMIT ${rowsMax}`;
		},
		quote,
	};
}
