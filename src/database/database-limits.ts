/** How long anything in a database may take, in milliseconds. */
export interface DatabaseLimits {
	/** Until a server has let us in. */
	readonly connectMs: number;
	/** From a statement, a commit included, to its answer. Without one, the server is taken for gone. */
	readonly statementMs: number;
	/** A whole read or write, from its connection on. */
	readonly transactionMs: number;
	/** How long a write waits for somebody else's lock. Monitors may be stopped meanwhile. */
	readonly writeLockMs: number;
	/** How long everything else waits for one: nothing is stopped for it. */
	readonly patientLockMs: number;
}

export const DATABASE_LIMITS: DatabaseLimits = {
	connectMs: 10_000,
	statementMs: 30_000,
	transactionMs: 120_000,
	writeLockMs: 10_000,
	patientLockMs: 20_000,
};

/** How a database is opened for one piece of work. */
export interface DatabaseOptions {
	readonly limits?: Partial<DatabaseLimits>;
	/** Aborting it ends what is under way with the signal's reason, and refuses everything after it. */
	readonly signal?: AbortSignal | undefined;
}
