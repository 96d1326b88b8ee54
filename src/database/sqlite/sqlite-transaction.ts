import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import {
	type BrokenReference,
	type DatabaseReader,
	type RehearsalWriter,
	TransactionLost,
} from '../../model/database.ts';
import { ReplicatorError } from '../../model/replicator-error.ts';
import type { Column, DatabaseSchema, Key, Row, Value } from '../../model/row.ts';
import { StatementRefused } from '../../model/statement-refused.ts';
import type { Statements } from '../statements.ts';
import { showTriggers, toSqliteError } from './sqlite-error.ts';
import { readSqliteSchema } from './sqlite-schema.ts';

/** Far below SQLite's limits on parameters (32,766) and on the depth of an expression (1,000). */
const KEYS_PER_DELETE_MAX = 200;

/** What Node puts in the place of bytes that are no UTF-8. */
const REPLACEMENT = '\u{fffd}';

/** Reads and writes on one connection that its owner has put into a transaction. */
export class SqliteTransaction implements DatabaseReader, RehearsalWriter {
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

	async rows(request: Parameters<DatabaseReader['rows']>[0]): Promise<Row[]> {
		const { table, columns, orderBy } = request;
		const quote = this.#statements.quote;
		// Node 22 cuts text at a NUL when it reads it, so such text comes as its bytes; so do blobs.
		const list = columns.map(({ name }, index) => {
			const column = quote(name);
			return `CASE WHEN typeof(${column}) = 'text' AND instr(CAST(${column} AS BLOB), X'00') > 0 THEN CAST(${column} AS BLOB) ELSE ${column} END AS c${index}`;
		});
		const order = orderBy.map(quote).join(', ');
		const part = this.#statements.part(request);
		return this.#guard({ doing: 'read', table }, () => {
			const rowId = this.#hasRowId(table) ? 'rowid' : 'NULL';
			const text = `SELECT ${rowId} AS row_id, ${list.join(', ')} FROM ${quote(table)} ${part}`;
			try {
				return this.#select({ text, table, columns, order, asBigInts: false });
			} catch (error) {
				if ((error as NodeJS.ErrnoException).code !== 'ERR_OUT_OF_RANGE') throw error;
				// One of the integers is beyond 2^53. A bigint for each would cost much, and hardly any table has one.
				return this.#select({ text, table, columns, order, asBigInts: true });
			}
		});
	}

	#select(request: {
		text: string;
		table: string;
		columns: readonly Column[];
		order: string;
		asBigInts: boolean;
	}): Row[] {
		const { table, columns, order } = request;
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
				const place = { order, offset: rows.length, rowId: record.row_id ?? null };
				return this.#readExactly({ table, column: columns[index], place });
			});
			rows.push(row);
		}
		return rows;
	}

	/** Reads one value as its bytes and its storage class: for the few that the quick way cannot tell apart. */
	#readExactly(cell: {
		table: string;
		column: Column | undefined;
		place: { order: string; offset: number; rowId: Value };
	}): Value {
		const { table, column, place } = cell;
		const name = this.#statements.quote(column?.name ?? '');
		const where = place.rowId === null ? `ORDER BY ${place.order} LIMIT 1 OFFSET ?` : 'WHERE rowid = ?';
		const statement = this.#prepare(
			`SELECT typeof(${name}) AS class, CAST(${name} AS BLOB) AS bytes FROM ${this.#statements.quote(table)} ${where}`,
		);
		const found = statement.get(place.rowId ?? place.offset) as
			| { class: string; bytes: Uint8Array }
			| undefined;
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
			for (const row of rows) {
				const { changes } = statement.run(...row.map((value, index) => bind[index]?.(value) ?? null));
				if (Number(changes) !== 1) throw ignored(this.#location, table);
			}
		});
	}

	async haveRows(request: {
		table: string;
		columns: readonly string[];
		keys: readonly Key[];
	}): Promise<readonly boolean[]> {
		const { table, columns, keys } = request;
		return this.#guard({ doing: 'read', table }, () => {
			const statement = this.#prepare(this.#statements.find({ table, columns }));
			return keys.map((key) => statement.get(...key.map(bindKey)) !== undefined);
		});
	}

	async countRows(request: {
		table: string;
		column: string;
		values: readonly Value[];
		max: number;
	}): Promise<number> {
		const { table, column, values, max } = request;
		return this.#guard({ doing: 'read', table }, () => {
			const statement = this.#prepare(this.#statements.count({ table, column }));
			let count = 0;
			for (const value of values) {
				if (count >= max) break;
				count += Number(statement.get(bindKey(value), max - count)?.count ?? 0);
			}
			return count;
		});
	}

	async rulesMark(): Promise<string> {
		return this.#guard({ doing: 'read' }, () => {
			const found = this.#connection.prepare('PRAGMA schema_version').get();
			return String(found?.schema_version);
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

	async findBrokenReferences(tables: readonly string[]): Promise<readonly BrokenReference[]> {
		return tables.flatMap((table) =>
			this.#guard({ doing: 'read', table }, () =>
				this.#connection
					.prepare('SELECT rowid, parent, fkid FROM pragma_foreign_key_check(?)')
					.all(table)
					.flatMap((broken) => this.#describeBroken(table, broken)),
			),
		);
	}

	/** Rows of a table without a rowid are not told apart. */
	#describeBroken(
		table: string,
		{ rowid, parent, fkid }: Record<string, SQLInputValue>,
	): readonly BrokenReference[] {
		const names = (text: string, ...values: SQLInputValue[]) =>
			this.#prepare(text)
				.all(...values)
				.map(({ name }) => this.#statements.quote(String(name)));
		const key = names('SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk', table);
		const own = names(
			'SELECT "from" AS name FROM pragma_foreign_key_list(?) WHERE id = ? ORDER BY seq',
			table,
			fkid ?? null,
		);
		if (rowid === null || key.length === 0) return [];
		const columns = [...key, ...own].map((name, index) => `${name} AS c${index}`).join(', ');
		const text = `SELECT ${columns} FROM ${this.#statements.quote(table)} WHERE rowid = ?`;
		const values = Object.values(this.#prepare(text).get(rowid ?? null) ?? {}) as Value[];
		return [
			{ table, key: values.slice(0, key.length), toTable: String(parent), toKey: values.slice(key.length) },
		];
	}

	async attempt(work: () => Promise<void>): Promise<void> {
		this.#connection.exec('SAVEPOINT attempt');
		try {
			await work();
		} catch (error) {
			try {
				this.#connection.exec('ROLLBACK TO attempt; RELEASE attempt');
			} catch {
				// A trigger that says RAISE(ROLLBACK, …) undoes everything, the savepoint included.
				throw new TransactionLost('The database undid the whole transaction.', { cause: error });
			}
			throw error;
		}
		this.#connection.exec('RELEASE attempt');
	}

	#hasRowId(table: string): boolean {
		return this.#prepare("SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'").get(table)?.wr !== 1;
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

/** A trigger may say RAISE(IGNORE): the statement succeeds, and the row is not there. */
function ignored(location: string, table: string): StatementRefused {
	return new StatementRefused(`A trigger ignores a row that is written to the table ${table}.`, {
		code: 'database-changed-meanwhile',
		hint: `Nothing was changed. Change or drop the trigger; see it with: ${showTriggers(location, table)}`,
		isRetryable: true,
		words: 'a trigger ignores it',
	});
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
