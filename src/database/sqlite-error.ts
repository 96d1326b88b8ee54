import { ReplicatorError } from '../model/replicator-error.ts';

// Primary result codes of SQLite (https://www.sqlite.org/rescode.html); the low byte of an extended code.
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const CONSTRAINT = 19;
const NOTADB = 26;
// Extended codes: a primary key or a unique key is taken.
const CONSTRAINT_PRIMARYKEY = 1555;
const CONSTRAINT_UNIQUE = 2067;

function codeOf(error: unknown): number | null {
	if (typeof error !== 'object' || error === null || !('errcode' in error)) return null;
	return typeof error.errcode === 'number' ? error.errcode : null;
}

/** @returns whether somebody else holds a lock that will be free again. */
export function isSqliteBusy(error: unknown): boolean {
	const code = codeOf(error);
	return code !== null && ((code & 0xff) === BUSY || (code & 0xff) === LOCKED);
}

/** Turns an error of SQLite into ours. SQLite's own words name tables and columns, never values. */
export function toSqliteError(
	error: unknown,
	context: { readonly location: string; readonly doing: 'read' | 'write'; readonly table?: string },
): unknown {
	const code = codeOf(error);
	if (code === null) return error;
	const { location, doing, table } = context;
	const where = table === undefined ? location : `the table ${table} of ${location}`;
	const reason = error instanceof Error ? error.message : String(error);
	switch (code & 0xff) {
		case BUSY:
		case LOCKED:
			return new ReplicatorError(`${location} is locked by another process.`, {
				code: 'database-locked',
				hint: 'Close other programs that write to the database; it is tried again at the next cycle.',
				isRetryable: true,
				cause: error,
			});
		case FULL:
			return new ReplicatorError(`There is no space left to write to ${where}.`, {
				code: 'disk-full',
				hint: 'Free space on the disk of the data directory. Nothing was changed; it is tried again at the next cycle.',
				isRetryable: true,
				cause: error,
			});
		case CORRUPT:
		case NOTADB:
			return new ReplicatorError(`${where} is damaged: ${reason}.`, {
				code: 'database-read-failed',
				hint: `Stop Kuma and check the file with: sqlite3 ${location} "PRAGMA integrity_check". Nothing is published from a damaged database.`,
				cause: error,
			});
		case CANTOPEN:
		case READONLY:
			return new ReplicatorError(
				`${location} cannot be opened for ${doing === 'read' ? 'reading' : 'writing'}: ${reason}.`,
				{
					code: 'file-access',
					hint: 'Run replicator-kuma as the user that runs Kuma; SQLite needs write access to the folder, too.',
					cause: error,
				},
			);
		case CONSTRAINT:
			if (doing === 'write' && (code === CONSTRAINT_PRIMARYKEY || code === CONSTRAINT_UNIQUE)) {
				return new ReplicatorError(`A row was added to ${where} while it was being applied to: ${reason}.`, {
					code: 'database-changed-meanwhile',
					hint: 'Nothing was changed. It is tried again with a new plan.',
					isRetryable: true,
					cause: error,
				});
			}
			break;
		case IOERR:
			break;
	}
	return new ReplicatorError(
		`${doing === 'read' ? 'Reading from' : 'Writing to'} ${where} failed: ${reason}.`,
		{
			code: doing === 'read' ? 'database-read-failed' : 'database-write-failed',
			hint: doing === 'read' ? 'Nothing was published.' : 'Nothing was changed.',
			cause: error,
		},
	);
}
