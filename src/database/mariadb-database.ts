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
import { deleteInSlices, type Slice } from './delete-in-slices.ts';
import { toMariadbError } from './mariadb-error.ts';
import { MariadbTransaction, STATEMENT_TIMEOUT_MS, toParameter } from './mariadb-transaction.ts';
import { makeStatements } from './statements.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** How long one statement waits for a lock of Kuma's; the whole transaction is then tried again. */
const LOCK_WAIT_S = 5;
const WRITE_ATTEMPTS_MAX = 4;
const RETRY_DELAY_MS = 100;

/**
 * Nothing may be cut, and an id of 0 stays 0, whatever the server's own mode is; TIMESTAMPs are read and written in
 * one zone. `lock_wait_timeout` is for tables that Kuma alters at the moment; the server's own default is a day.
 */
const SESSION = `SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION',
	time_zone = '+00:00', foreign_key_checks = 1, unique_checks = 1,
	innodb_lock_wait_timeout = ${LOCK_WAIT_S}, lock_wait_timeout = ${LOCK_WAIT_S}`;
const ISOLATION = 'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ';

type MariadbConfig = Exclude<DatabaseConfig, { type: 'sqlite' }>;

/** Opens Kuma's database on a MariaDB server; each read and each write has a connection of its own. */
export function openMariadbDatabase(config: MariadbConfig): Database {
	const location = locationOf(config);
	const statements = makeStatements('mariadb');

	/** Runs `work` on a connection of its own; the server undoes what was not committed when that ends. */
	async function withConnection<Result>(
		context: { readonly doing: 'read' | 'write'; readonly table?: string },
		work: (connection: Connection) => Promise<Result>,
	): Promise<Result> {
		let connection: Connection | undefined;
		try {
			connection = await connect(config);
			const result = await work(connection);
			// Said goodbye to, or the server logs an aborted connection every time.
			await connection.end();
			return result;
		} catch (error) {
			connection?.destroy();
			throw toMariadbError(error, { location, ...context });
		}
	}

	async function transact<Result>(
		request: { readonly doing: 'read' | 'write'; readonly begin: string },
		work: (transaction: MariadbTransaction) => Promise<Result>,
	): Promise<Result> {
		return withConnection({ doing: request.doing }, async (connection) => {
			const packetBytesMax = await readPacketBytesMax(connection);
			await run(connection, request.begin);
			const result = await work(new MariadbTransaction({ connection, statements, location, packetBytesMax }));
			await run(connection, 'COMMIT');
			return result;
		});
	}

	async function deleteSlice(
		request: { table: string; column: string },
		{ values, rowsMax }: Slice,
	): Promise<{ deleted: number; heldMs: number }> {
		const { quote } = statements;
		const marks = values.map(() => '?').join(', ');
		const sql = `DELETE FROM ${quote(request.table)} WHERE ${quote(request.column)} IN (${marks}) LIMIT ${rowsMax}`;
		return withConnection({ doing: 'write', table: request.table }, async (connection) => {
			const startedAt = performance.now();
			const [result] = await connection.execute<ResultSetHeader>(
				{ sql, timeout: STATEMENT_TIMEOUT_MS },
				values.map(toParameter),
			);
			return { deleted: result.affectedRows, heldMs: performance.now() - startedAt };
		});
	}

	return {
		kind: 'mariadb',
		location,
		read: <Result>(read: (reader: DatabaseReader) => Promise<Result>) =>
			transact({ doing: 'read', begin: 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY' }, read),
		write: <Result>(write: (writer: DatabaseWriter) => Promise<Result>) =>
			untilFree(() => transact({ doing: 'write', begin: 'START TRANSACTION' }, write)),
		deleteInSlices: (request: { table: string; column: string; values: readonly Value[] }) =>
			deleteInSlices(request.values, (slice) => untilFree(() => deleteSlice(request, slice))),
		// The server's counters are for those who may see all of it, and they move with every heartbeat, too.
		watchWrites: () => ({ hasWritten: () => true, close: () => undefined }),
		close: async () => undefined,
	};
}

/** Runs a transaction again that met a lock of Kuma's, or that the server chose to end a deadlock. */
async function untilFree<Result>(work: () => Promise<Result>): Promise<Result> {
	for (let attempt = 1; ; attempt += 1) {
		try {
			return await work();
		} catch (error) {
			if (!isReplicatorError(error, 'database-locked') || attempt >= WRITE_ATTEMPTS_MAX) throw error;
			await delay(RETRY_DELAY_MS * attempt);
		}
	}
}

async function run(connection: Connection, sql: string): Promise<void> {
	await connection.query({ sql, timeout: STATEMENT_TIMEOUT_MS });
}

async function readPacketBytesMax(connection: Connection): Promise<number> {
	const [rows] = await connection.query<RowDataPacket[]>({
		sql: 'SELECT @@max_allowed_packet AS bytes',
		timeout: STATEMENT_TIMEOUT_MS,
	});
	return Number(rows[0]?.bytes);
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
	// One that breaks between two statements makes the next one fail; nobody listening would end the process.
	connection.on('error', () => undefined);
	try {
		await run(connection, SESSION);
		await run(connection, ISOLATION);
		return connection;
	} catch (error) {
		connection.destroy();
		throw error;
	}
}
