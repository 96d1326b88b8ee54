import { setTimeout as delay } from 'node:timers/promises';
import {
	type ConnectionOptions,
	createConnection,
	type ResultSetHeader,
	type RowDataPacket,
} from 'mysql2/promise';
import type { Database, DatabaseReader, DatabaseWriter, RehearsalWriter } from '../../model/database.ts';
import type { DatabaseConfig } from '../../model/database-config.ts';
import { isReplicatorError, ReplicatorError } from '../../model/replicator-error.ts';
import type { Value } from '../../model/row.ts';
import { DATABASE_LIMITS, type DatabaseLimits, type DatabaseOptions } from '../database-limits.ts';
import { deleteInSlices, type Slice } from '../delete-in-slices.ts';
import { makeStatements } from '../statements.ts';
import { MariadbConnection } from './mariadb-connection.ts';
import { isConnectionLost, toMariadbError } from './mariadb-error.ts';
import { MariadbTransaction, toParameter } from './mariadb-transaction.ts';

/** How long one statement waits for a lock of Kuma's; the whole transaction is then tried again. */
const LOCK_WAIT_S = 5;
const WRITE_ATTEMPTS_MAX = 4;
const RETRY_DELAY_MS = 100;

const ISOLATION = 'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ';

/**
 * A lock on the server that a write holds as long as its connection lives there, which can be longer than here: a server
 * that was frozen still reads what was sent before, a commit included. Nobody reads or writes beside that.
 */
const WRITE_LOCK = "CONCAT('replicator-kuma ', MD5(DATABASE()))";
/** Where named locks are forbidden, as in some clusters. */
const LOCKS_UNSUPPORTED = ['ER_NOT_SUPPORTED_YET', 'ER_UNKNOWN_ERROR'];

type MariadbConfig = Exclude<DatabaseConfig, { type: 'sqlite' }>;
type Doing = 'read' | 'write';

/** Opens Kuma's database on a MariaDB server; each read and each write has a connection of its own. */
export function openMariadbDatabase(config: MariadbConfig, options: DatabaseOptions = {}): Database {
	const location = locationOf(config);
	const statements = makeStatements('mariadb');
	const limits = { ...DATABASE_LIMITS, ...options.limits };
	const { signal } = options;

	/** Runs `work` on a connection of its own; the server undoes what was not committed when that ends. */
	async function withConnection<Result>(
		context: { readonly doing: Doing; readonly table?: string },
		work: (connection: MariadbConnection) => Promise<Result>,
	): Promise<Result> {
		let connection: MariadbConnection | undefined;
		try {
			signal?.throwIfAborted();
			connection = await connect(config, { limits, signal, location });
			const result = await work(connection);
			connection.close();
			return result;
		} catch (error) {
			connection?.destroy();
			throw toMariadbError(error, { location, ...context });
		}
	}

	async function transact<Result>(
		request: { readonly doing: Doing; readonly begin: string; readonly end?: 'ROLLBACK' },
		work: (transaction: MariadbTransaction) => Promise<Result>,
	): Promise<Result> {
		const { doing, begin } = request;
		return withConnection({ doing }, async (connection) => {
			const packetBytesMax = await readPacketBytesMax(connection);
			if (doing === 'write') await lockWrites(connection, limits.writeLockMs);
			else await untilNobodyWrites(connection);
			await connection.query({ sql: begin });
			const result = await work(new MariadbTransaction({ connection, statements, location, packetBytesMax }));
			if (request.end !== undefined) await connection.query({ sql: request.end });
			else if (doing === 'write') await commit(connection);
			else await connection.query({ sql: 'COMMIT' });
			return result;
		});
	}

	async function commit(connection: MariadbConnection): Promise<void> {
		await connection.refuseIfGivenUp();
		try {
			await connection.query({ sql: 'COMMIT' });
		} catch (error) {
			if (isReplicatorError(error) || isConnectionLost(error)) throw outcomeUnknown(location, error);
			throw error;
		}
	}

	/** Waits until what an earlier connection has left on the server is over. */
	async function untilNobodyWrites(connection: MariadbConnection): Promise<void> {
		const [found] = await connection.query<RowDataPacket[]>({
			sql: `SELECT IS_FREE_LOCK(${WRITE_LOCK}) AS isFree`,
		});
		if (Number(found?.isFree) === 1) return;
		if (await lockWrites(connection, limits.patientLockMs))
			await connection.query({ sql: `SELECT RELEASE_LOCK(${WRITE_LOCK})` });
	}

	/** @returns whether there is such a lock. @throws ReplicatorError `database-locked`. */
	async function lockWrites(connection: MariadbConnection, waitMs: number): Promise<boolean> {
		const seconds = Math.ceil(waitMs / 1000);
		try {
			const sql = `SELECT GET_LOCK(${WRITE_LOCK}, ${seconds}) AS isOurs`;
			const [got] = await connection.query<RowDataPacket[]>({ sql }, seconds * 1000);
			if (Number(got?.isOurs) === 1) return true;
		} catch (error) {
			if (LOCKS_UNSUPPORTED.includes(String((error as { code?: unknown }).code))) return false;
			throw error;
		}
		throw stillBusy(location);
	}

	async function deleteSlice(
		request: { table: string; column: string },
		{ values, rowsMax }: Slice,
	): Promise<{ deleted: number; heldMs: number }> {
		const { quote } = statements;
		const marks = values.map(() => '?').join(', ');
		const sql = `DELETE FROM ${quote(request.table)} WHERE ${quote(request.column)} IN (${marks}) LIMIT ${rowsMax}`;
		return withConnection({ doing: 'write', table: request.table }, async (connection) => {
			await lockWrites(connection, limits.patientLockMs);
			const startedAt = performance.now();
			const { affectedRows } = await connection.execute<ResultSetHeader>({ sql }, values.map(toParameter));
			return { deleted: affectedRows, heldMs: performance.now() - startedAt };
		});
	}

	/** Runs a transaction again that met a lock of Kuma's, or that the server chose to end a deadlock. */
	async function untilFree<Result>(work: () => Promise<Result>): Promise<Result> {
		const deadline = performance.now() + limits.writeLockMs;
		for (let attempt = 1; ; attempt += 1) {
			try {
				return await work();
			} catch (error) {
				const isOver = attempt >= WRITE_ATTEMPTS_MAX || performance.now() > deadline;
				if (!isReplicatorError(error, 'database-locked') || isOver) throw error;
				await delay(RETRY_DELAY_MS * attempt);
			}
		}
	}

	return {
		kind: 'mariadb',
		location,
		read: <Result>(read: (reader: DatabaseReader) => Promise<Result>) =>
			transact({ doing: 'read', begin: 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY' }, read),
		write: <Result>(write: (writer: DatabaseWriter) => Promise<Result>) =>
			untilFree(() => transact({ doing: 'write', begin: 'START TRANSACTION' }, write)),
		rehearse: <Result>(work: (writer: RehearsalWriter) => Promise<Result>) =>
			untilFree(() => transact({ doing: 'write', begin: 'START TRANSACTION', end: 'ROLLBACK' }, work)),
		waitUntilWritable: () => withConnection({ doing: 'write' }, untilNobodyWrites),
		deleteInSlices: (request: { table: string; column: string; values: readonly Value[] }) =>
			deleteInSlices(request.values, (slice) => untilFree(() => deleteSlice(request, slice))),
		// The server's counters are for those who may see all of it, and they move with every heartbeat, too.
		watchWrites: () => ({ hasWritten: () => true, close: () => undefined }),
		close: async () => undefined,
	};
}

/**
 * Nothing may be cut, and an id of 0 stays 0, whatever the server's own mode is; TIMESTAMPs are read and written in
 * one zone. `lock_wait_timeout` is for tables that Kuma alters at the moment; the server's own default is a day. With
 * `wait_timeout`, the server itself ends a connection that it does not hear of any more, and its locks with it: after a
 * cut network it would keep both for eight hours.
 */
function sessionOf({ statementMs }: DatabaseLimits): string {
	return `SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION',
		time_zone = '+00:00', foreign_key_checks = 1, unique_checks = 1,
		innodb_lock_wait_timeout = ${LOCK_WAIT_S}, lock_wait_timeout = ${LOCK_WAIT_S},
		wait_timeout = ${Math.ceil(statementMs / 1000)}`;
}

async function readPacketBytesMax(connection: MariadbConnection): Promise<number> {
	const [row] = await connection.query<RowDataPacket[]>({ sql: 'SELECT @@max_allowed_packet AS bytes' });
	return Number(row?.bytes);
}

function outcomeUnknown(location: string, cause: unknown): ReplicatorError {
	return new ReplicatorError(
		`Whether the changes to the database ${location} were committed is not known: the server did not answer the commit.`,
		{
			code: 'database-outcome-unknown',
			hint: 'Check MariaDB. The next cycle looks at what the database has, and does what is missing.',
			isRetryable: true,
			cause,
		},
	);
}

function stillBusy(location: string): ReplicatorError {
	return new ReplicatorError(
		`The database ${location} is still busy with an earlier write of replicator-kuma.`,
		{
			code: 'database-locked',
			hint: 'Nothing was changed; it is tried again at the next cycle. If it stays so, see "SHOW PROCESSLIST" on the server.',
			isRetryable: true,
		},
	);
}

function locationOf(config: MariadbConfig): string {
	if (config.socketPath !== undefined) return `${config.database} at ${config.socketPath}`;
	return config.type === 'mariadb' ? `${config.database} at ${config.host}:${config.port}` : config.database;
}

async function connect(
	config: MariadbConfig,
	within: {
		readonly limits: DatabaseLimits;
		readonly signal: AbortSignal | undefined;
		readonly location: string;
	},
): Promise<MariadbConnection> {
	const options: ConnectionOptions = {
		user: config.user,
		database: config.database,
		charset: 'utf8mb4',
		connectTimeout: within.limits.connectMs,
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
	const connection = new MariadbConnection({ connection: await createConnection(options), ...within });
	try {
		await connection.query({ sql: sessionOf(within.limits) });
		await connection.query({ sql: ISOLATION });
		return connection;
	} catch (error) {
		connection.destroy();
		throw error;
	}
}
