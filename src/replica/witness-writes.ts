import type { Database, DatabaseWriter } from '../model/database.ts';
import { isReplicatorError } from '../model/replicator-error.ts';

/** A database that knows whether one of the writes that it was asked for may have been committed, or may be yet. */
export interface WitnessedDatabase extends Database {
	isUncertain(): boolean;
}

/** Watches the transactions of one apply: Kuma must take up what is committed, although nobody said so. */
export function witnessWrites(database: Database): WitnessedDatabase {
	let isUncertain = false;
	return {
		...database,
		isUncertain: () => isUncertain,
		write: async <Result>(write: (writer: DatabaseWriter) => Promise<Result>) => {
			try {
				return await database.write(write);
			} catch (error) {
				isUncertain ||= isReplicatorError(error, 'database-outcome-unknown');
				throw error;
			}
		},
	};
}
