import { setTimeout as delay } from 'node:timers/promises';
import {
	type Connection,
	type ConnectionOptions,
	createConnection,
	type ResultSetHeader,
	type RowDataPacket,
} from 'mysql2/promise';
import type { Database, DatabaseReader, DatabaseWriter } from '../model/database.ts';
import type { DatabaseConfig } from '../model/database-config.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import type { Value } from '../model/row.ts';
import { isMariadbLocked, toMariadbError } from './mariadb-error.ts';
import { MariadbTransaction } from './mariadb-transaction.ts';
import { makeStatements, type Statements } from './statements.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** How long one statement waits for a lock of Kuma's; the whole transaction is then tried again. */
const LOCK_WAIT_S = 5;
const WRITE_ATTEMPTS_MAX = 4;
const RETRY_DELAY_MS = 100;
const SLICE_TARGET_MS = 50;
const SLICE_ROWS_FIRST = 500;
const SLICE_ROWS_MAX = 20_000;
const SLICE_KEYS_MAX = 500;

type MariadbConfig = Exclude<DatabaseConfig, { type: 'sqlite' }>;

/** Opens Kuma's database on a MariaDB server; each read and each write has a connection of its own. */
export function openMariadbDatabase(config: MariadbConfig): Database {
	const location = locationOf(config);
	const statements = makeStatements('mariadb');

	/** Runs `work` on a connection that is closed afterwards; an open transaction is undone by the server then. */
	async function withConnection<Result>(
		doing: 'read' | 'write',
		work: (connection: Connection) => Promise<Result>,
	): Promise<Result> {
		let connection: Connection | undefined;
		try {
			connection = await connect(config);
			return await work(connection);
		} catch (error) {
			throw toMariadbError(error, { location, doing });
		} finally {
			connection?.destroy();
		}
	}

	async function makeTransaction(connection: Connection): Promise<MariadbTransaction> {
		const [[row]] = await connection.query<RowDataPacket[]>('SELECT @@max_allowed_packet AS bytes');
		return new MariadbTransaction({ connection, statements, location, packetBytesMax: Number(row?.bytes) });
	}

	return {
		kind: 'mariadb',
		location,
		read: <Result>(read: (reader: DatabaseReader) => Promise<Result>) =>
			withConnection('read', async (connection) => {
				const transaction = await makeTransaction(connection);
				await connection.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
				await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
				const result = await read(transaction);
				await connection.query('COMMIT');
				return result;
			}),
		write: async <Result>(write: (writer: DatabaseWriter) => Promise<Result>) => {
			for (let attempt = 1; ; attempt += 1) {
				try {
					return await withConnection('write', async (connection) => {
						const transaction = await makeTransaction(connection);
						await connection.query('START TRANSACTION');
						const result = await write(transaction);
						await connection.query('COMMIT');
						return result;
					});
				} catch (error) {
					if (!isReplicatorError(error, 'database-locked') || attempt >= WRITE_ATTEMPTS_MAX) throw error;
					await delay(RETRY_DELAY_MS * attempt);
				}
			}
		},
		deleteInSlices: (request) =>
			withConnection('write', (connection) => deleteInSlices({ ...request, connection, statements })),
		close: async () => undefined,
	};
}

function locationOf(config: MariadbConfig): string {
	if (config.socketPath !== undefined) return `${config.database} at ${config.socketPath}`;
	return config.type === 'mariadb' ? `${config.database} at ${config.host}:${config.port}` : config.database;
}

async function connect(config: MariadbConfig): Promise<Connection> {
	const options: ConnectionOptions = {
		user: config.user,
		database: config.database,
		charset: 'utf8mb4',
		connectTimeout: CONNECT_TIMEOUT_MS,
		supportBigNumbers: true,
	};
	if (config.socketPath !== undefined) options.socketPath = config.socketPath;
	if (config.type === 'mariadb') {
		options.password = config.password;
		if (config.socketPath === undefined) {
			options.host = config.host;
			options.port = config.port;
		}
		// As Kuma does it: verified, by the system's authorities or by the one that is given.
		if (config.tls !== undefined) {
			options.ssl = {
				rejectUnauthorized: true,
				...(config.tls.ca === undefined ? {} : { ca: config.tls.ca }),
			};
		}
	}
	const connection = await createConnection(options);
	try {
		// Nothing may be cut, and an id of 0 stays 0, whatever the server's own mode is.
		await connection.query(
			"SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', foreign_key_checks = 1, unique_checks = 1, innodb_lock_wait_timeout = ?",
			[LOCK_WAIT_S],
		);
		return connection;
	} catch (error) {
		connection.destroy();
		throw error;
	}
}

async function deleteInSlices(request: {
	readonly table: string;
	readonly column: string;
	readonly values: readonly Value[];
	readonly connection: Connection;
	readonly statements: Statements;
}): Promise<number> {
	const { table, column, values, connection } = request;
	const { quote } = request.statements;
	let deleted = 0;
	let slice = SLICE_ROWS_FIRST;
	for (let start = 0; start < values.length; start += SLICE_KEYS_MAX) {
		const some = values.slice(start, start + SLICE_KEYS_MAX);
		const marks = some.map(() => '?').join(', ');
		for (let attempt = 1; ; ) {
			const startedAt = performance.now();
			try {
				const [result] = await connection.query<ResultSetHeader>(
					`DELETE FROM ${quote(table)} WHERE ${quote(column)} IN (${marks}) LIMIT ${slice}`,
					[...some],
				);
				deleted += result.affectedRows;
				if (result.affectedRows < slice) break;
				const tookMs = Math.max(1, performance.now() - startedAt);
				slice = Math.max(1, Math.min(SLICE_ROWS_MAX, Math.round((slice * SLICE_TARGET_MS) / tookMs)));
			} catch (error) {
				attempt += 1;
				if (!isMariadbLocked(error) || attempt > WRITE_ATTEMPTS_MAX) throw error;
				await delay(RETRY_DELAY_MS * attempt);
			}
		}
	}
	return deleted;
}
