import { createHash } from 'node:crypto';
import type { ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { type DatabaseReader, type RehearsalWriter, TransactionLost } from '../../model/database.ts';
import type { Column, DatabaseSchema, Key, Row, Value } from '../../model/row.ts';
import { StatementRefused } from '../../model/statement-refused.ts';
import type { Statements } from '../statements.ts';
import type { MariadbConnection } from './mariadb-connection.ts';
import { toMariadbError } from './mariadb-error.ts';
import { readMariadbSchema } from './mariadb-schema.ts';

/**
 * Of one INSERT. The protocol allows 65,535, but the server describes each one when it prepares the statement, and
 * beyond some thousands that costs more than the round trips that it saves.
 */
const PARAMETERS_MAX = 10_000;
const ROWS_PER_INSERT_MAX = 500;
const KEYS_PER_DELETE_MAX = 200;
/** One INSERT stays far below what the server takes in one packet, and is over quickly. */
const INSERT_BYTES_TARGET = 2 * 1024 * 1024;
/** Whatever lets a row be refused, or taken: the columns with their types and collations, keys, conditions, triggers, limits. */
const RULES = [
	`SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, COLLATION_NAME, EXTRA
	FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1, 2`,
	`SELECT TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE
	FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1, 2, 3`,
	`SELECT TABLE_NAME, CONSTRAINT_NAME, CONSTRAINT_TYPE
	FROM information_schema.TABLE_CONSTRAINTS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1, 2`,
	`SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, EVENT_MANIPULATION, ACTION_TIMING, ACTION_STATEMENT
	FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY 1, 2`,
	'SELECT @@max_allowed_packet',
];

/** Reads and writes on one connection that its owner has put into a transaction. */
export class MariadbTransaction implements DatabaseReader, RehearsalWriter {
	readonly #connection: MariadbConnection;
	readonly #statements: Statements;
	readonly #location: string;
	readonly #packetBytesMax: number;

	constructor(parts: {
		connection: MariadbConnection;
		statements: Statements;
		location: string;
		packetBytesMax: number;
	}) {
		this.#connection = parts.connection;
		this.#statements = parts.statements;
		this.#location = parts.location;
		this.#packetBytesMax = parts.packetBytesMax;
	}

	async schema(): Promise<DatabaseSchema> {
		return this.#guard({ doing: 'read' }, () => readMariadbSchema(this.#connection));
	}

	async rows(request: Parameters<DatabaseReader['rows']>[0]): Promise<Row[]> {
		const { table, columns } = request;
		const quote = this.#statements.quote;
		const list = columns.map(({ name }) => quote(name)).join(', ');
		const text = `SELECT ${list} FROM ${quote(table)} ${this.#statements.part(request)}`;
		const decoders = columns.map(decoderFor);
		return this.#guard({ doing: 'read', table }, async () => {
			const rows = await this.#connection.query<RowDataPacket[][]>({
				sql: text,
				rowsAsArray: true,
				// The bytes as the server sends them: no date, no number, no character set is interpreted on the way.
				typeCast: (field) => field.buffer(),
			});
			return (rows as unknown as (Buffer | null)[][]).map((row) =>
				row.map((bytes, index) => (bytes === null ? null : (decoders[index]?.(bytes) ?? null))),
			);
		});
	}

	async insert(request: { table: string; columns: readonly Column[]; rows: readonly Row[] }): Promise<void> {
		const { table, columns, rows } = request;
		const names = columns.map(({ name }) => name);
		for (const batch of this.#batches(table, rows)) {
			const text = this.#statements.insert({ table, columns: names, rowCount: batch.length });
			await this.#execute(text, batch.flat(), { table, columns: names });
		}
	}

	*#batches(table: string, rows: readonly Row[]): Generator<Row[]> {
		let batch: Row[] = [];
		let bytes = 0;
		for (const row of rows) {
			const rowBytes = row.reduce<number>((sum, value) => sum + sizeOf(value), 0);
			if (rowBytes > this.#packetBytesMax - 1024) throw this.#tooLarge(table);
			const isFull =
				batch.length >= ROWS_PER_INSERT_MAX ||
				(batch.length + 1) * row.length > PARAMETERS_MAX ||
				bytes + rowBytes > Math.min(INSERT_BYTES_TARGET, this.#packetBytesMax - 1024);
			if (isFull && batch.length > 0) {
				yield batch;
				batch = [];
				bytes = 0;
			}
			batch.push(row);
			bytes += rowBytes;
		}
		if (batch.length > 0) yield batch;
	}

	#tooLarge(table: string): StatementRefused {
		return new StatementRefused(
			`A row of ${table} is larger than ${this.#location} takes in one packet (${this.#packetBytesMax} bytes).`,
			{
				code: 'database-write-failed',
				hint: 'Raise max_allowed_packet on the database server, 64M for example. Nothing was changed.',
				words: `it is larger than max_allowed_packet, ${this.#packetBytesMax} bytes`,
			},
		);
	}

	async update(request: {
		table: string;
		keyColumns: readonly string[];
		key: Key;
		columns: readonly Column[];
		values: Row;
	}): Promise<number> {
		const { table, keyColumns, key, columns, values } = request;
		const bytes = values.reduce<number>((sum, value) => sum + sizeOf(value), 0);
		if (bytes > this.#packetBytesMax - 1024) throw this.#tooLarge(table);
		const names = columns.map(({ name }) => name);
		const text = this.#statements.update({ table, keyColumns, columns: names });
		return this.#execute(text, [...values, ...key], { table, columns: names });
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
			deleted += await this.#execute(text, some.flat(), { table });
		}
		return deleted;
	}

	async haveRows(request: {
		table: string;
		columns: readonly string[];
		keys: readonly Key[];
	}): Promise<readonly boolean[]> {
		const { table, columns, keys } = request;
		const text = this.#statements.find({ table, columns });
		const found: boolean[] = [];
		for (const key of keys) found.push((await this.#select(text, key, table)).length > 0);
		return found;
	}

	async countRows(request: {
		table: string;
		column: string;
		values: readonly Value[];
		max: number;
	}): Promise<number> {
		const { table, column, values, max } = request;
		const text = this.#statements.count({ table, column });
		let count = 0;
		for (const value of values) {
			if (count >= max) break;
			const [row] = await this.#select(text, [value, max - count], table);
			count += Number(row?.[0] ?? 0);
		}
		return count;
	}

	async rulesMark(): Promise<string> {
		const marks: string[] = [];
		for (const sql of RULES) {
			const rows = await this.#guard({ doing: 'read' }, () =>
				this.#connection.query<RowDataPacket[][]>({ sql, rowsAsArray: true }),
			);
			marks.push(JSON.stringify(rows));
		}
		return createHash('sha256').update(marks.join('\n')).digest('hex');
	}

	async #select(text: string, values: readonly Value[], table: string): Promise<unknown[][]> {
		return this.#guard({ doing: 'read', table }, async () => {
			const rows = await this.#connection.execute<RowDataPacket[][]>(
				{ sql: text, rowsAsArray: true },
				values.map(toParameter),
			);
			return rows as unknown as unknown[][];
		});
	}

	/** InnoDB checks every statement, and nobody can have told this session not to. */
	async countBrokenReferences(): Promise<number> {
		return 0;
	}

	async findBrokenReferences(): Promise<readonly never[]> {
		return [];
	}

	async attempt(work: () => Promise<void>): Promise<void> {
		const run = (sql: string) => this.#guard({ doing: 'write' }, () => this.#connection.query({ sql }));
		await run('SAVEPOINT attempt');
		try {
			await work();
		} catch (error) {
			// A lock conflict or a broken connection is no answer about the rows, and leaves nothing to go back to.
			if (!(error instanceof StatementRefused)) throw error;
			await run('ROLLBACK TO SAVEPOINT attempt').catch((cause: unknown) => {
				if (!(cause instanceof StatementRefused)) throw cause;
				throw new TransactionLost('The database undid the whole transaction.', { cause: error });
			});
			throw error;
		}
		await run('RELEASE SAVEPOINT attempt');
	}

	async #execute(
		text: string,
		values: readonly Value[],
		place: { table: string; columns?: readonly string[] },
	): Promise<number> {
		return this.#guard({ doing: 'write', ...place }, async () => {
			const { affectedRows } = await this.#connection.execute<ResultSetHeader>(
				{ sql: text },
				values.map(toParameter),
			);
			return affectedRows;
		});
	}

	async #guard<Result>(
		context: { doing: 'read' | 'write'; table?: string; columns?: readonly string[] },
		work: () => Promise<Result>,
	): Promise<Result> {
		try {
			return await work();
		} catch (error) {
			// A lock conflict keeps its own type: the owner of the transaction runs it again.
			throw toMariadbError(error, { ...context, location: this.#location });
		}
	}
}

/** A bigint goes as decimal text, which the server reads exactly; a number would be sent as a double. */
export function toParameter(value: Value): string | number | Buffer | null {
	if (typeof value === 'bigint') return value.toString();
	return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
}

function sizeOf(value: Value): number {
	if (typeof value === 'string') return Buffer.byteLength(value) + 9;
	return value instanceof Uint8Array ? value.length + 9 : 9;
}

function decoderFor(column: Column): (bytes: Buffer) => Value {
	const declared = column.declared.toLowerCase();
	if (/^(?:tinyint|smallint|mediumint|int|bigint|year)/.test(declared)) {
		return (bytes) => {
			const text = bytes.toString('latin1');
			const number = Number(text);
			return Number.isSafeInteger(number) ? number : BigInt(text);
		};
	}
	if (/^(?:double|float|decimal)/.test(declared)) return (bytes) => Number(bytes.toString('latin1'));
	if (/blob|binary|^bit/.test(declared)) return (bytes) => new Uint8Array(bytes);
	return (bytes) => bytes.toString('utf8');
}
