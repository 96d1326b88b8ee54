import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database, DatabaseReader, DatabaseWriter, RehearsalWriter } from '../../model/database.ts';
import { ReplicatorError } from '../../model/replicator-error.ts';
import type { Value } from '../../model/row.ts';
import { DATABASE_LIMITS, type DatabaseOptions } from '../database-limits.ts';
import { deleteInSlices, type Slice } from '../delete-in-slices.ts';
import { makeStatements } from '../statements.ts';
import { isSqliteBusy, toSqliteError } from './sqlite-error.ts';
import { SqliteTransaction } from './sqlite-transaction.ts';
import { watchSqliteWrites } from './sqlite-write-watch.ts';

/** Waiting for a lock happens between tries, so that the process stays responsive. */
const LOCK_RETRY_MS = 25;
/** One blocking wait inside SQLite; short, because nothing else in this process runs meanwhile. */
const BUSY_TIMEOUT_MS = 100;

/** BEGIN alone takes no state yet; the first read after it does. */
const BEGIN = { read: 'BEGIN; SELECT count(*) FROM sqlite_schema', write: 'BEGIN IMMEDIATE' } as const;

/**
 * Opens Kuma's SQLite database. It is never created here: Kuma makes it from a template of its own. Each read and
 * each write has a connection of its own, and closing that one undoes what was not committed.
 * @throws ReplicatorError `database-not-migrated` when the file does not exist.
 */
export function openSqliteDatabase(path: string, options: DatabaseOptions = {}): Database {
	refuseMissing(path);
	const statements = makeStatements('sqlite');
	const { writeLockMs, patientLockMs } = { ...DATABASE_LIMITS, ...options.limits };
	const lockMs = { read: patientLockMs, write: writeLockMs } as const;

	async function untilFree<Result>(waitMs: number, work: () => Result): Promise<Result> {
		const deadline = performance.now() + waitMs;
		for (;;) {
			options.signal?.throwIfAborted();
			try {
				return work();
			} catch (error) {
				if (!isSqliteBusy(error) || performance.now() > deadline) throw error;
				await delay(LOCK_RETRY_MS);
			}
		}
	}

	async function transact<Result>(
		doing: 'read' | 'write',
		work: (transaction: SqliteTransaction) => Promise<Result>,
		end: 'commit' | 'undo' = 'commit',
	): Promise<Result> {
		let connection: DatabaseSync | undefined;
		try {
			const opened = await untilFree(lockMs[doing], () => begin(path, doing));
			connection = opened;
			const result = await work(new SqliteTransaction({ connection: opened, statements, location: path }));
			// What is not committed is undone when the connection is closed.
			if (end === 'commit') await untilFree(writeLockMs, () => opened.exec('COMMIT'));
			return result;
		} catch (error) {
			throw toSqliteError(error, { location: path, doing });
		} finally {
			connection?.close();
		}
	}

	async function deleteSlice(
		request: { table: string; column: string },
		{ values, rowsMax }: Slice,
	): Promise<{ deleted: number; heldMs: number }> {
		const { quote } = statements;
		const [table, column] = [quote(request.table), quote(request.column)];
		const marks = values.map(() => '?').join(', ');
		let connection: DatabaseSync | undefined;
		try {
			connection = await untilFree(patientLockMs, () => begin(path, 'write'));
			const startedAt = performance.now();
			// Tables without a rowid have no such slices; their rows go at once.
			const hasRowId = connection.prepare('SELECT wr FROM pragma_table_list(?)').get(request.table)?.wr !== 1;
			const wanted = `${column} IN (${marks})`;
			const { changes } = hasRowId
				? connection
						.prepare(
							`DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE ${wanted} LIMIT ?)`,
						)
						.run(...values, rowsMax)
				: connection.prepare(`DELETE FROM ${table} WHERE ${wanted}`).run(...values);
			connection.exec('COMMIT');
			return { deleted: Number(changes), heldMs: performance.now() - startedAt };
		} catch (error) {
			throw toSqliteError(error, { location: path, doing: 'write', table: request.table });
		} finally {
			connection?.close();
		}
	}

	async function waitUntilWritable(): Promise<void> {
		try {
			await untilFree(patientLockMs, () => begin(path, 'write').close());
		} catch (error) {
			throw toSqliteError(error, { location: path, doing: 'write' });
		}
	}

	return {
		kind: 'sqlite',
		location: path,
		read: <Result>(read: (reader: DatabaseReader) => Promise<Result>) => transact('read', read),
		write: <Result>(write: (writer: DatabaseWriter) => Promise<Result>) => transact('write', write),
		rehearse: <Result>(work: (writer: RehearsalWriter) => Promise<Result>) => transact('write', work, 'undo'),
		waitUntilWritable,
		deleteInSlices: (request: { table: string; column: string; values: readonly Value[] }) =>
			deleteInSlices(request.values, (slice) => deleteSlice(request, slice)),
		watchWrites: () => watchSqliteWrites(path),
		close: async () => undefined,
	};
}

/** @returns a new connection in a transaction. */
function begin(path: string, doing: 'read' | 'write'): DatabaseSync {
	// Asked every time: SQLite would make an empty file where Kuma's database was moved away meanwhile.
	refuseMissing(path);
	const connection = new DatabaseSync(path, { enableForeignKeyConstraints: true });
	try {
		connection.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; ${BEGIN[doing]}`);
		return connection;
	} catch (error) {
		connection.close();
		throw error;
	}
}

function refuseMissing(path: string): void {
	if (existsSync(path)) return;
	throw new ReplicatorError(`${path} does not exist yet.`, {
		code: 'database-not-migrated',
		hint: 'Start Uptime Kuma once and let it finish; it makes its database by itself.',
		isRetryable: true,
	});
}
