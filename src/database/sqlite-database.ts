import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database, DatabaseReader, DatabaseWriter } from '../model/database.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import type { Value } from '../model/row.ts';
import { isSqliteBusy, toSqliteError } from './sqlite-error.ts';
import { SqliteTransaction } from './sqlite-transaction.ts';
import { makeStatements } from './statements.ts';

/** How long a write waits for Kuma's lock. Waiting happens between tries, so that the process stays responsive. */
const LOCK_WAIT_MAX_MS = 20_000;
const LOCK_RETRY_MS = 25;
/** One blocking wait inside SQLite; short, because nothing else in this process runs meanwhile. */
const BUSY_TIMEOUT_MS = 100;
const SLICE_TARGET_MS = 50;
const SLICE_ROWS_FIRST = 500;
const SLICE_ROWS_MAX = 20_000;
const SLICE_KEYS_MAX = 500;

/**
 * Opens Kuma's SQLite database. It is never created here: Kuma makes it from a template of its own.
 * @throws ReplicatorError `database-not-migrated` when the file does not exist.
 */
export function openSqliteDatabase(path: string): Database {
	if (!existsSync(path)) {
		throw new ReplicatorError(`${path} does not exist yet.`, {
			code: 'database-not-migrated',
			hint: 'Start Uptime Kuma once and let it finish; it makes its database by itself.',
			isRetryable: true,
		});
	}
	const statements = makeStatements('sqlite');
	const connect = () => {
		const connection = new DatabaseSync(path, { enableForeignKeyConstraints: true });
		connection.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
		return connection;
	};

	/** Runs `work` between a BEGIN, which waits for locks, and a COMMIT. */
	async function transact<Result>(
		request: { doing: 'read' | 'write'; begin: string },
		work: (transaction: SqliteTransaction) => Promise<Result>,
	): Promise<Result> {
		const context = { location: path, doing: request.doing };
		let connection: DatabaseSync | undefined;
		try {
			const opened = connect();
			connection = opened;
			await untilFree(() => opened.exec(request.begin));
			const result = await work(new SqliteTransaction({ connection: opened, statements, location: path }));
			await untilFree(() => opened.exec('COMMIT'));
			return result;
		} catch (error) {
			if (connection?.isTransaction === true) connection.exec('ROLLBACK');
			throw toSqliteError(error, context);
		} finally {
			connection?.close();
		}
	}

	return {
		kind: 'sqlite',
		location: path,
		read: <Result>(read: (reader: DatabaseReader) => Promise<Result>) =>
			transact({ doing: 'read', begin: 'BEGIN' }, read),
		write: <Result>(write: (writer: DatabaseWriter) => Promise<Result>) =>
			transact({ doing: 'write', begin: 'BEGIN IMMEDIATE' }, write),
		deleteInSlices: (request) => deleteInSlices({ ...request, connect, path, quote: statements.quote }),
		close: async () => undefined,
	};
}

async function untilFree<Result>(work: () => Result): Promise<Result> {
	const deadline = performance.now() + LOCK_WAIT_MAX_MS;
	for (;;) {
		try {
			return work();
		} catch (error) {
			if (!isSqliteBusy(error) || performance.now() > deadline) throw error;
			await delay(LOCK_RETRY_MS);
		}
	}
}

async function deleteInSlices(request: {
	readonly table: string;
	readonly column: string;
	readonly values: readonly Value[];
	readonly connect: () => DatabaseSync;
	readonly path: string;
	readonly quote: (name: string) => string;
}): Promise<number> {
	const { table, column, values, quote } = request;
	const connection = request.connect();
	let deleted = 0;
	let slice = SLICE_ROWS_FIRST;
	try {
		for (let start = 0; start < values.length; start += SLICE_KEYS_MAX) {
			const some = values.slice(start, start + SLICE_KEYS_MAX);
			const marks = some.map(() => '?').join(', ');
			const statement = connection.prepare(
				`DELETE FROM ${quote(table)} WHERE rowid IN
				(SELECT rowid FROM ${quote(table)} WHERE ${quote(column)} IN (${marks}) LIMIT ?)`,
			);
			for (;;) {
				const startedAt = performance.now();
				const { changes } = await untilFree(() => statement.run(...some, slice));
				deleted += Number(changes);
				if (Number(changes) < slice) break;
				const tookMs = Math.max(1, performance.now() - startedAt);
				slice = Math.max(1, Math.min(SLICE_ROWS_MAX, Math.round((slice * SLICE_TARGET_MS) / tookMs)));
			}
		}
		return deleted;
	} catch (error) {
		throw toSqliteError(error, { location: request.path, doing: 'write', table });
	} finally {
		connection.close();
	}
}
