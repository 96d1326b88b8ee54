import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { DatabaseReader, DatabaseWriter } from '../model/database.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import type { Column, DatabaseSchema, Key, Row, Value } from '../model/row.ts';
import { toMariadbError } from './mariadb-error.ts';
import { readMariadbSchema } from './mariadb-schema.ts';
import type { Statements } from './statements.ts';

/**
 * Of one INSERT. The protocol allows 65,535, but the server describes each one when it prepares the statement, and
 * beyond some thousands that costs more than the round trips that it saves.
 */
const PARAMETERS_MAX = 10_000;
const ROWS_PER_INSERT_MAX = 500;
const KEYS_PER_DELETE_MAX = 200;
/** One INSERT stays far below what the server takes in one packet, and is over quickly. */
const INSERT_BYTES_TARGET = 2 * 1024 * 1024;
/** A server that does not answer for so long is gone. */
export const STATEMENT_TIMEOUT_MS = 60_000;

/** Reads and writes on one connection that its owner has put into a transaction. */
export class MariadbTransaction implements DatabaseReader, DatabaseWriter {
	readonly #connection: Connection;
	readonly #statements: Statements;
	readonly #location: string;
	readonly #packetBytesMax: number;

	constructor(parts: {
		connection: Connection;
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

	async rows(request: {
		table: string;
		columns: readonly Column[];
		orderBy: readonly string[];
	}): Promise<Row[]> {
		const { table, columns, orderBy } = request;
		const quote = this.#statements.quote;
		const list = columns.map(({ name }) => quote(name)).join(', ');
		const text = `SELECT ${list} FROM ${quote(table)} ORDER BY ${orderBy.map(quote).join(', ')}`;
		const decoders = columns.map(decoderFor);
		return this.#guard({ doing: 'read', table }, async () => {
			const [rows] = await this.#connection.query<RowDataPacket[][]>({
				sql: text,
				rowsAsArray: true,
				timeout: STATEMENT_TIMEOUT_MS,
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

	#tooLarge(table: string): ReplicatorError {
		return new ReplicatorError(
			`A row of ${table} is larger than ${this.#location} takes in one packet (${this.#packetBytesMax} bytes).`,
			{
				code: 'database-write-failed',
				hint: 'Raise max_allowed_packet on the database server, 64M for example. Nothing was changed.',
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

	/** InnoDB checks every statement, and nobody can have told this session not to. */
	async countBrokenReferences(): Promise<number> {
		return 0;
	}

	async #execute(
		text: string,
		values: readonly Value[],
		place: { table: string; columns?: readonly string[] },
	): Promise<number> {
		return this.#guard({ doing: 'write', ...place }, async () => {
			const [result] = await this.#connection.execute<ResultSetHeader>(
				{ sql: text, timeout: STATEMENT_TIMEOUT_MS },
				values.map(toParameter),
			);
			return result.affectedRows;
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
