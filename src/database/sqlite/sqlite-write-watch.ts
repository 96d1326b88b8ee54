import { statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { WriteWatch } from '../../model/database.ts';

/** A connection that is held open, for `data_version` compares what one and the same connection has seen. */
interface Held {
	readonly connection: DatabaseSync;
	readonly statement: StatementSync;
	readonly file: string;
	version: unknown;
}

/** Watches a SQLite file by the version that every commit of somebody else changes. It locks nothing in between. */
export function watchSqliteWrites(path: string): WriteWatch {
	let held: Held | null = null;

	function hold(file: string): Held {
		const connection = new DatabaseSync(path, { readOnly: true });
		try {
			return { connection, statement: connection.prepare('PRAGMA data_version'), file, version: null };
		} catch (error) {
			connection.close();
			throw error;
		}
	}

	function close(): void {
		held?.connection.close();
		held = null;
	}

	return {
		hasWritten() {
			try {
				const { dev, ino } = statSync(path);
				const file = `${dev} ${ino}`;
				// Somebody put another database there; the connection would go on with the old one.
				if (held !== null && held.file !== file) close();
				held ??= hold(file);
				const before = held.version;
				held.version = held.statement.get()?.data_version;
				return held.version !== before;
			} catch {
				// Whoever reads the database next is told what is wrong with it.
				close();
				return true;
			}
		},
		close,
	};
}
