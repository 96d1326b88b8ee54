import type { Column, DatabaseKind, DatabaseSchema, Key, Row, Value } from './row.ts';

/**
 * An open database of one Uptime Kuma. Implementations: SQLite and MariaDB.
 *
 * Failures are ReplicatorErrors: `database-locked` (retryable), `database-unreachable` (retryable),
 * `database-read-failed`, `database-write-failed`, `disk-full`; a {@link StatementRefused} when what is written, and
 * nothing else, is the reason. A read or a write that failed has changed nothing, with one exception:
 * `database-outcome-unknown` (retryable) says that a write was to be committed and no answer came.
 *
 * Everything is waited for a bounded time only, also a server that stops in the middle of an answer. What such a server
 * does with it later is over before the next read or write begins.
 */
export interface Database {
	readonly kind: DatabaseKind;
	/** Where it is, for messages: a path or `host:port/name`, never with a password. */
	readonly location: string;
	/**
	 * Runs `read` on one consistent state of the whole database: nothing that is written meanwhile is seen.
	 * Kuma can go on reading and writing.
	 */
	read<Result>(read: (reader: DatabaseReader) => Promise<Result>): Promise<Result>;
	/**
	 * Runs `write` in one transaction with foreign keys on. It is committed when `write` resolves and rolled back
	 * when it rejects; a process that dies in between leaves the state from before. Waits for Kuma's locks with a
	 * bounded retry, for which `write` may be run again from the start; `write` itself should take well under 500 ms, for Kuma waits as long.
	 */
	write<Result>(write: (writer: DatabaseWriter) => Promise<Result>): Promise<Result>;
	/** Runs `work` as `write` does, in a transaction that is undone in any case: to see what the database would say. */
	rehearse<Result>(work: (writer: RehearsalWriter) => Promise<Result>): Promise<Result>;
	/**
	 * Waits, longer than a write does, until the database can be written to, and changes nothing: what nobody should have
	 * to wait for with something stopped. The next write may have to wait all the same.
	 */
	waitUntilWritable(): Promise<void>;
	/**
	 * Deletes the rows of `table` whose `column` is one of `values`, outside any other transaction and in slices,
	 * none of which holds the write lock for longer than about 100 ms. For history, which can be large.
	 * @returns how many rows went.
	 */
	deleteInSlices(request: { table: string; column: string; values: readonly Value[] }): Promise<number>;
	/** Begins to watch whether anything is written. Nothing is opened before it is asked. */
	watchWrites(): WriteWatch;
	close(): Promise<void>;
}

/** Says at next to no cost whether a read of the database can be spared. It outlives the database's `close`. */
export interface WriteWatch {
	/**
	 * Whether anything at all, heartbeats included, may have been written since it was asked last. Also true the first
	 * time, when that cannot be told, and always where the server has no cheap answer. Never throws.
	 */
	hasWritten(): boolean;
	close(): void;
}

export interface DatabaseReader {
	/** Every table of the database with its columns, keys and references. */
	schema(): Promise<DatabaseSchema>;
	/**
	 * All rows of one table, ordered by `orderBy`, each as the values of `columns` in that order, exactly as stored.
	 * A table that cannot be read is an error, never an empty table.
	 */
	rows(request: {
		table: string;
		columns: readonly Column[];
		orderBy: readonly string[];
		/** For a table too large to read: only rows with an `id` above `afterId`, the newest first, and at most so many. */
		newest?: { readonly afterId: number; readonly rowsMax: number };
	}): Promise<Row[]>;
	/** @returns for each of `keys` whether a row of `table` has these values in `columns`, as the database compares them. */
	haveRows(request: {
		table: string;
		columns: readonly string[];
		keys: readonly Key[];
	}): Promise<readonly boolean[]>;
	/** @returns how many rows of `table` have one of `values` in `column`, counted no further than `max`. */
	countRows(request: {
		table: string;
		column: string;
		values: readonly Value[];
		max: number;
	}): Promise<number>;
	/** @returns a text that is another one as soon as anything changes that makes the database refuse a row or take it. */
	rulesMark(): Promise<string>;
}

/** Writes inside one transaction. Values are bound as parameters, never part of the SQL text. */
export interface DatabaseWriter extends DatabaseReader {
	/**
	 * Inserts rows in the order given. @throws ReplicatorError `database-changed-meanwhile` when a key is taken, or when
	 * the database lets a row fall silently.
	 */
	insert(request: { table: string; columns: readonly Column[]; rows: readonly Row[] }): Promise<void>;
	/** Sets `values` of `columns` in the row with that key. @returns how many rows matched: 0 or 1. */
	update(request: {
		table: string;
		keyColumns: readonly string[];
		key: Key;
		columns: readonly Column[];
		values: Row;
	}): Promise<number>;
	/** Deletes the rows with these keys. @returns how many rows went, without what they cascade to. */
	delete(request: { table: string; keyColumns: readonly string[]; keys: readonly Key[] }): Promise<number>;
	/**
	 * Rows of these tables whose foreign key points nowhere. Zero where the database enforces foreign keys by
	 * itself at every statement and cannot have been told otherwise.
	 */
	countBrokenReferences(tables: readonly string[]): Promise<number>;
}

/** Writes that are undone in the end. */
export interface RehearsalWriter extends DatabaseWriter {
	/**
	 * Runs `work`; when it rejects, what it wrote is undone, and the transaction can go on.
	 * @throws TransactionLost when the database has undone the whole transaction for it.
	 */
	attempt(work: () => Promise<void>): Promise<void>;
	/** Rows of these tables whose foreign key points nowhere: what {@link countBrokenReferences} counts, one by one. */
	findBrokenReferences(tables: readonly string[]): Promise<readonly BrokenReference[]>;
}

/** A row, and the row that is not there to which it refers. */
export interface BrokenReference {
	readonly table: string;
	readonly key: Key;
	readonly toTable: string;
	readonly toKey: Key;
}

/** A statement made the database undo the whole transaction, so that nothing of it can go on. */
export class TransactionLost extends Error {
	override readonly name = 'TransactionLost';
}
