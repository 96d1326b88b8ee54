import { ReplicatorError } from '../../model/replicator-error.ts';
import { StatementRefused } from '../../model/statement-refused.ts';

// Primary result codes of SQLite (https://www.sqlite.org/rescode.html); the low byte of an extended code.
const ERROR = 1;
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const TOOBIG = 18;
const CONSTRAINT = 19;
const MISMATCH = 20;
const NOTADB = 26;
/** What a statement meets because of its rows, and of the tables, indexes and triggers that they meet. */
const REFUSED = [ERROR, TOOBIG, CONSTRAINT, MISMATCH];
// Extended codes: a trigger says no in words of its own; a primary key or a unique key is taken.
const CONSTRAINT_TRIGGER = 1811;
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

/** @returns how to see the triggers of a table, or all of them. */
export function showTriggers(location: string, table: string | undefined): string {
	const ofTable = table === undefined ? '' : ` AND tbl_name = '${table}'`;
	return `sqlite3 ${location} "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'${ofTable}"`;
}

function toRefusal(refused: {
	readonly code: number;
	readonly where: string;
	readonly location: string;
	readonly table: string | undefined;
	readonly words: string;
	readonly cause: unknown;
}): StatementRefused {
	const { code, where, location, table, words, cause } = refused;
	if (code === CONSTRAINT_PRIMARYKEY || code === CONSTRAINT_UNIQUE) {
		return new StatementRefused(`Another row in ${where} has a value that must be unique: ${words}.`, {
			code: 'database-changed-meanwhile',
			hint: 'Nothing was changed. It is tried again with a new plan.',
			isRetryable: true,
			cause,
			words,
		});
	}
	// Its author chose the words of a trigger, and may have put values of the row into them.
	if (code === CONSTRAINT_TRIGGER) {
		return new StatementRefused(`A trigger refuses to let ${where} be written to.`, {
			code: 'database-write-failed',
			hint: `Nothing was changed. Change or drop the trigger; see it with: ${showTriggers(location, table)}`,
			words,
		});
	}
	return new StatementRefused(`Writing to ${where} failed: ${words}.`, {
		code: 'database-write-failed',
		hint: `Nothing was changed. See what refuses it with: sqlite3 ${location} ".schema ${table ?? ''}"; change that, or the row on the leader.`,
		cause,
		words,
	});
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
		case IOERR:
			break;
	}
	if (doing === 'write' && REFUSED.includes(code & 0xff))
		return toRefusal({ code, where, location, table, words: reason, cause: error });
	return new ReplicatorError(
		`${doing === 'read' ? 'Reading from' : 'Writing to'} ${where} failed: ${reason}.`,
		{
			code: doing === 'read' ? 'database-read-failed' : 'database-write-failed',
			hint: `${doing === 'read' ? 'Nothing was published' : 'Nothing was changed'}. Check the disk and the free memory of this machine, and the file with: sqlite3 ${location} "PRAGMA integrity_check"`,
			cause: error,
		},
	);
}
