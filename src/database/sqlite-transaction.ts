import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { DatabaseReader, DatabaseWriter } from '../model/database.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import type { Column, DatabaseSchema, Key, Row, Value } from '../model/row.ts';
import { toSqliteError } from './sqlite-error.ts';
import { readSqliteSchema } from './sqlite-schema.ts';
import type { Statements } from './statements.ts';

/** Far below SQLite's limits on parameters (32,766) and on the depth of an expression (1,000). */
const KEYS_PER_DELETE_MAX = 200;

/** What Node puts in the place of bytes that are no UTF-8. */
const REPLACEMENT = '\u{fffd}';

/** Reads and writes on one connection that its owner has put into a transaction. */
export class SqliteTransaction implements DatabaseReader, DatabaseWriter {
	readonly #connection: DatabaseSync;
	readonly #statements: Statements;
	readonly #location: string;
	readonly #prepared = new Map<string, StatementSync>();
	// A byte order mark is text like any other; bytes that are no UTF-8 are an error, not a replacement character.
	readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

	constructor(parts: { connection: DatabaseSync; statements: Statements; location: string }) {
		this.#connection = parts.connection;
		this.#statements = parts.statements;
		this.#location = parts.location;
	}

	async schema(): Promise<DatabaseSchema> {
		return this.#guard({ doing: 'read' }, () => readSqliteSchema(this.#connection));
	}

	async rows(request: {
		table: string;
		columns: readonly Column[];
		orderBy: readonly string[];
	}): Promise<Row[]> {
		const { table, columns, orderBy } = request;
		const quote = this.#statements.quote;
		// Node 22 cuts text at a NUL when it reads it, so such text comes as its bytes; so do blobs.
		const list = columns.map(({ name }, index) => {
			const column = quote(name);
			return `CASE WHEN typeof(${column}) = 'text' AND instr(CAST(${column} AS BLOB), X'00') > 0 THEN CAST(${column} AS BLOB) ELSE ${column} END AS c${index}`;
		});
		const order = orderBy.map(quote).join(', ');
		const text = `SELECT rowid AS row_id, ${list.join(', ')} FROM ${quote(table)} ORDER BY ${order}`;
		return this.#guard({ doing: 'read', table }, () => {
			try {
				return this.#select({ text, table, columns, asBigInts: false });
			} catch (error) {
				if ((error as NodeJS.ErrnoException).code !== 'ERR_OUT_OF_RANGE') throw error;
				// One of the integers is beyond 2^53. A bigint for each would cost much, and hardly any table has one.
				return this.#select({ text, table, columns, asBigInts: true });
			}
		});
	}

	#select(request: { text: string; table: string; columns: readonly Column[]; asBigInts: boolean }): Row[] {
		const { table, columns } = request;
		const statement = this.#connection.prepare(request.text);
		statement.setReadBigInts(request.asBigInts);
		const names = columns.map((_column, index) => `c${index}`);
		const rows: Row[] = [];
		for (const record of statement.iterate() as Iterable<Record<string, Value>>) {
			const above = rows.at(-1);
			const row = names.map((name, index): Value => {
				const value = record[name] ?? null;
				if (value === null || typeof value === 'number') return value;
				if (typeof value === 'bigint') return toInteger(value);
				// Most columns repeat themselves: one string for all, instead of an equal one in each row.
				const valueAbove = above?.[index];
				if (value === valueAbove) return valueAbove;
				// What is no UTF-8 was read with replacement characters, which text may hold as well.
				if (typeof value === 'string' && !value.includes(REPLACEMENT)) return value;
				return this.#readExactly({ table, column: columns[index], rowId: record.row_id ?? null });
			});
			rows.push(row);
		}
		return rows;
	}

	/** Reads one value as its bytes and its storage class: for the few that the quick way cannot tell apart. */
	#readExactly(cell: { table: string; column: Column | undefined; rowId: Value }): Value {
		const { table, column, rowId } = cell;
		const name = this.#statements.quote(column?.name ?? '');
		const statement = this.#prepare(
			`SELECT typeof(${name}) AS class, CAST(${name} AS BLOB) AS bytes FROM ${this.#statements.quote(table)} WHERE rowid = ?`,
		);
		const found = statement.get(rowId) as { class: string; bytes: Uint8Array } | undefined;
		const bytes = found?.bytes ?? new Uint8Array();
		if (found?.class === 'blob') return new Uint8Array(bytes);
		try {
			return this.#decoder.decode(bytes);
		} catch (cause) {
			throw new ReplicatorError(
				`A value of ${table}.${column?.name} in ${this.#location} is text, but not UTF-8.`,
				{
					code: 'database-read-failed',
					hint: 'Nothing was published. Open the row in Kuma and save it again.',
					cause,
				},
			);
		}
	}

	async insert(request: { table: string; columns: readonly Column[]; rows: readonly Row[] }): Promise<void> {
		const { table, columns, rows } = request;
		const text = this.#statements.insert({ table, columns: columns.map(({ name }) => name), rowCount: 1 });
		const bind = columns.map(binderFor);
		this.#guard({ doing: 'write', table }, () => {
			const statement = this.#prepare(text);
			for (const row of rows) statement.run(...row.map((value, index) => bind[index]?.(value) ?? null));
		});
	}

	async update(request: {
		table: string;
		keyColumns: readonly string[];
		key: Key;
		columns: readonly Column[];
		values: Row;
	}): Promise<number> {
		const { table, keyColumns, key, columns, values } = request;
		const text = this.#statements.update({ table, keyColumns, columns: columns.map(({ name }) => name) });
		const bound = columns.map((column, index) => binderFor(column)(values[index] ?? null));
		return this.#guard({ doing: 'write', table }, () =>
			Number(this.#prepare(text).run(...bound, ...key.map(bindKey)).changes),
		);
	}

	async delete(request: {
		table: string;
		keyColumns: readonly string[];
		keys: readonly Key[];
	}): Promise<number> {
		const { table, keyColumns, keys } = request;
		let deleted = 0;
		for (let start = 0; start < keys.length; start += KEYS_PER_DELETE_MAX) {
			const some = keys.slice(start, start + KEYS_PER_DELETE_MAX);
			const text = this.#statements.delete({ table, keyColumns, keyCount: some.length });
			deleted += this.#guard({ doing: 'write', table }, () =>
				Number(this.#prepare(text).run(...some.flat().map(bindKey)).changes),
			);
		}
		return deleted;
	}

	async countBrokenReferences(tables: readonly string[]): Promise<number> {
		let count = 0;
		for (const table of tables) {
			const text = `SELECT count(*) AS broken FROM pragma_foreign_key_check(?)`;
			const found = this.#guard({ doing: 'read', table }, () => this.#connection.prepare(text).get(table));
			count += Number(found?.broken ?? 0);
		}
		return count;
	}

	#prepare(text: string): StatementSync {
		const known = this.#prepared.get(text);
		if (known !== undefined) return known;
		const statement = this.#connection.prepare(text);
		this.#prepared.set(text, statement);
		return statement;
	}

	#guard<Result>(context: { doing: 'read' | 'write'; table?: string }, work: () => Result): Result {
		try {
			return work();
		} catch (error) {
			throw toSqliteError(error, { ...context, location: this.#location });
		}
	}
}

function toInteger(value: bigint): number | bigint {
	const number = Number(value);
	return Number.isSafeInteger(number) ? number : value;
}

/**
 * node:sqlite binds every number as a REAL. A column of INTEGER, NUMERIC or REAL affinity turns it into what it
 * keeps; TEXT would keep `1` as `1.0` and cut a fraction to 15 digits, and a column without an affinity keeps a REAL.
 */
function binderFor(column: Column): (value: Value) => SQLInputValue {
	const isReal = /REAL|FLOA|DOUB/i.test(column.declared);
	const isText = /CHAR|CLOB|TEXT/i.test(column.declared);
	return (value) => {
		if (typeof value !== 'number') return value;
		if (isText) return String(value);
		return isReal ? value : bindKey(value);
	};
}

function bindKey(value: Value): SQLInputValue {
	return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}
