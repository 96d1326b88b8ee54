import type { Connection, QueryOptions, QueryResult } from 'mysql2/promise';
import { ReplicatorError } from '../../model/replicator-error.ts';
import type { DatabaseLimits } from '../database-limits.ts';

/** How long a connection may take to say goodbye before its socket is closed. */
const GOODBYE_MS = 2_000;

/**
 * One connection on which no answer is waited for without end: the client's own limit does not cover the preparing of a
 * statement. A connection that was given up is destroyed; the server undoes what was not committed on it as soon as it
 * notices.
 */
export class MariadbConnection {
	readonly #connection: Connection;
	readonly #location: string;
	readonly #statementMs: number;
	readonly #signal: AbortSignal | undefined;
	readonly #givenUp = Promise.withResolvers<never>();
	readonly #overdue: NodeJS.Timeout;
	readonly #abort = () => this.#giveUp(this.#signal?.reason);
	#isGivenUp = false;

	/** @param parts.limits.transactionMs counts from here. */
	constructor(parts: {
		readonly connection: Connection;
		readonly location: string;
		readonly limits: Pick<DatabaseLimits, 'statementMs' | 'transactionMs'>;
		readonly signal?: AbortSignal | undefined;
	}) {
		const { statementMs, transactionMs } = parts.limits;
		this.#connection = parts.connection;
		this.#location = parts.location;
		this.#statementMs = statementMs;
		this.#signal = parts.signal;
		// Whoever waits at the moment hears of it; there may be nobody.
		this.#givenUp.promise.catch(() => undefined);
		// A connection that breaks between two statements makes the next one fail; nobody listening would end the process.
		this.#connection.on('error', () => undefined);
		this.#overdue = setTimeout(() => this.#giveUp(this.#tooSlow(transactionMs)), transactionMs);
		this.#signal?.addEventListener('abort', this.#abort, { once: true });
		if (this.#signal?.aborted === true) this.#abort();
	}

	/** @throws what it was given up for, without asking the server for anything. */
	refuseIfGivenUp(): Promise<void> {
		return this.#isGivenUp ? this.#givenUp.promise : Promise.resolve();
	}

	/** Sends text, with its values in it if it has any. @param waitMs how much longer than others it may take. */
	async query<Rows extends QueryResult>(options: QueryOptions, waitMs = 0): Promise<Rows> {
		const [rows] = await this.#answered(() => this.#connection.query<Rows>(options), waitMs);
		return rows;
	}

	/** Prepares and executes a statement. */
	async execute<Result extends QueryResult>(
		options: QueryOptions,
		values: (string | number | Buffer | null)[],
	): Promise<Result> {
		const [result] = await this.#answered(() => this.#connection.execute<Result>(options, values));
		return result;
	}

	/** Says goodbye, or the server would log an aborted connection every time; it is closed in any case. */
	close(): void {
		this.#forget();
		const goodbye = setTimeout(() => this.#connection.destroy(), GOODBYE_MS);
		this.#connection.once('end', () => clearTimeout(goodbye));
		void this.#connection.end();
	}

	destroy(): void {
		this.#forget();
		this.#connection.destroy();
	}

	async #answered<Result>(ask: () => Promise<Result>, waitMs = 0): Promise<Result> {
		await this.refuseIfGivenUp();
		const limitMs = this.#statementMs + waitMs;
		const timer = setTimeout(() => this.#giveUp(this.#silent(limitMs)), limitMs);
		try {
			return await Promise.race([ask(), this.#givenUp.promise]);
		} finally {
			clearTimeout(timer);
		}
	}

	#giveUp(reason: unknown): void {
		this.#isGivenUp = true;
		this.#givenUp.reject(reason);
		this.destroy();
	}

	#forget(): void {
		clearTimeout(this.#overdue);
		this.#signal?.removeEventListener('abort', this.#abort);
	}

	#silent(limitMs: number): ReplicatorError {
		return new ReplicatorError(
			`The database ${this.#location} does not answer: nothing came for ${limitMs / 1000} s.`,
			{
				code: 'database-unreachable',
				hint: 'Check that MariaDB runs, and that its disk is neither full nor overloaded. It is tried again at the next cycle.',
				isRetryable: true,
			},
		);
	}

	#tooSlow(limitMs: number): ReplicatorError {
		return new ReplicatorError(
			`A transaction on the database ${this.#location} took longer than ${limitMs / 1000} s and was given up.`,
			{
				code: 'database-unreachable',
				hint: 'Check the load of MariaDB and the network in between. It is tried again at the next cycle.',
				isRetryable: true,
			},
		);
	}
}
