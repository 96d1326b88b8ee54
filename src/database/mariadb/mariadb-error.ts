import { ReplicatorError } from '../../model/replicator-error.ts';
import { StatementRefused } from '../../model/statement-refused.ts';

const LOCKED = ['ER_LOCK_WAIT_TIMEOUT', 'ER_LOCK_DEADLOCK', 'ER_CHECKREAD'];
const DENIED = [
	'ER_HOST_NOT_PRIVILEGED',
	'ER_ACCESS_DENIED_ERROR',
	'ER_ACCESS_DENIED_NO_PASSWORD_ERROR',
	'ER_DBACCESS_DENIED_ERROR',
];
const GONE = [
	'EACCES',
	'ECONNREFUSED',
	'ECONNRESET',
	'ENOENT',
	'ENOTFOUND',
	'EAI_AGAIN',
	'EHOSTUNREACH',
	'ENETUNREACH',
	'ETIMEDOUT',
	'EPIPE',
	'ENOTSOCK',
	'PROTOCOL_CONNECTION_LOST',
	'PROTOCOL_SEQUENCE_TIMEOUT',
	'ER_SERVER_SHUTDOWN',
	'ER_CON_COUNT_ERROR',
	'ER_CONNECTION_KILLED',
	'ER_HOST_IS_BLOCKED',
	'ER_QUERY_INTERRUPTED',
	'ER_NEW_ABORTING_CONNECTION',
];
const UNTRUSTED = /^(?:HANDSHAKE_|CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_)|SELF_SIGNED/;
/** The server as a whole takes no writes, or not from this user: no row is to blame. */
const PREVENTED = [
	'ER_OPTION_PREVENTS_STATEMENT',
	'ER_READ_ONLY_MODE',
	'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION',
	'ER_TABLEACCESS_DENIED_ERROR',
	'ER_COLUMNACCESS_DENIED_ERROR',
	'ER_SPECIFIC_ACCESS_DENIED_ERROR',
	'ER_OUTOFMEMORY',
	'ER_OUT_OF_RESOURCES',
	'ER_OUT_OF_SORTMEMORY',
	'ER_LOCK_TABLE_FULL',
	'ER_TOO_MANY_CONCURRENT_TRXS',
	'ER_CRASHED_ON_USAGE',
	'ER_CRASHED_ON_REPAIR',
	'ER_NOT_KEYFILE',
	'ER_GET_ERRNO',
	'ER_ERROR_ON_WRITE',
	'ER_ERROR_ON_READ',
	'ER_OPEN_AS_READONLY',
	'ER_UNKNOWN_COM_ERROR',
	'ER_MALFORMED_PACKET',
	'ER_MAX_PREPARED_STMT_COUNT_REACHED',
];
/** MariaDB's own: a statement took longer than `max_statement_time`. */
const STATEMENT_TIMEOUT = 1969;
const FULL = ['ER_DISK_FULL', 'ER_RECORD_FILE_FULL'];

/** MariaDB's own, which the client has no symbol for. */
const CONNECTION_KILLED = 1927;

interface ClientError {
	readonly code?: unknown;
	readonly errno?: unknown;
	/** The connection is of no use any more. */
	readonly fatal?: unknown;
	/** Only what the server itself says has both. */
	readonly sqlState?: unknown;
	readonly sqlMessage?: unknown;
}

/** @returns the symbol of a server's, a network's or a certificate's error, or null when it is none of them. */
function codeOf(error: unknown): string | null {
	if (!(error instanceof Error)) return null;
	const { code, errno, fatal } = error as ClientError;
	if (errno === CONNECTION_KILLED) return 'ER_CONNECTION_KILLED';
	if (errno === STATEMENT_TIMEOUT) return 'ER_STATEMENT_TIMEOUT';
	if (typeof code === 'string') return code;
	// The client knows the symbols of MySQL; MariaDB has errors that MySQL lacks.
	if (isServerError(error)) return `error ${String(errno)}`;
	// A statement on a connection that has broken before has no symbol.
	return fatal === true ? 'PROTOCOL_CONNECTION_LOST' : null;
}

function isServerError(error: Error): error is Error & { readonly sqlMessage: string } {
	const { sqlState, sqlMessage } = error as ClientError;
	return typeof sqlState === 'string' && typeof sqlMessage === 'string';
}

/** @returns whether the server may have done what it was asked for, although it did not say so. */
export function isConnectionLost(error: unknown): boolean {
	return GONE.includes(codeOf(error) ?? '');
}

/** A server's own words end with the names of a database, a table and a column, of 64 characters at most. */
const NAMES_LENGTH_MAX = 1_000;

/**
 * @returns which of the statement's columns the server complains about ("Data too long for column 'title' at row 1"),
 * or undefined. A value may be quoted before that, so nothing but the name of a known column is taken from its words.
 */
function columnOf(error: Error, columns: readonly string[]): string | undefined {
	const named = / for column (?:`[^`]*`\.)*[`']([^`']+)[`'] at row \d+$/.exec(
		error.message.slice(-NAMES_LENGTH_MAX),
	)?.[1];
	return columns.find((column) => column === named);
}

interface Context {
	readonly location: string;
	readonly doing: 'read' | 'write';
	readonly table?: string;
	/** Names of the columns that the statement writes. */
	readonly columns?: readonly string[];
}

/**
 * Turns an error of the MariaDB client into ours. The server's own words are left out, because they quote values
 * ("Duplicate entry '…'"); its symbol and the column that it names say enough.
 */
export function toMariadbError(error: unknown, context: Context): unknown {
	const code = codeOf(error);
	if (!(error instanceof Error) || error instanceof ReplicatorError || code === null) return error;
	const { location, doing, table, columns = [] } = context;
	const where = table === undefined ? location : `the table ${table} of ${location}`;
	// The client's error object holds the statement and its parameters; only its symbol and place go further.
	const cause = new Error(code);
	if (GONE.includes(code)) {
		return new ReplicatorError(`The database ${location} cannot be reached (${code}).`, {
			code: 'database-unreachable',
			hint: 'Check that MariaDB runs and that db-config.json points to it. It is tried again at the next cycle.',
			isRetryable: true,
			cause,
		});
	}
	if (UNTRUSTED.test(code)) {
		return new ReplicatorError(`The TLS connection to the database ${location} failed (${code}).`, {
			code: 'database-unreachable',
			hint: 'Check "ssl" and "ca" in db-config.json: the server must speak TLS, and its certificate must be signed by that authority (or by one that the system trusts) for that host name.',
			cause,
		});
	}
	if (DENIED.includes(code)) {
		return new ReplicatorError(
			`The database ${location} refuses the user or the password of db-config.json (${code}).`,
			{
				code: 'database-unreachable',
				hint: 'Kuma uses the same ones: correct them in db-config.json. For a socket, run replicator-kuma as the user that runs Kuma.',
				cause,
			},
		);
	}
	if (code === 'ER_BAD_DB_ERROR') {
		return new ReplicatorError(`The database ${location} does not exist yet.`, {
			code: 'database-not-migrated',
			hint: 'Start Uptime Kuma once and let it finish; it makes its database by itself.',
			isRetryable: true,
			cause,
		});
	}
	if (LOCKED.includes(code)) {
		return new ReplicatorError(`${where} is locked by another connection (${code}).`, {
			code: 'database-locked',
			hint: 'Nothing was changed; it is tried again at the next cycle.',
			isRetryable: true,
			cause,
		});
	}
	if (FULL.includes(code)) {
		return new ReplicatorError(`There is no space left to write to ${where}.`, {
			code: 'disk-full',
			hint: "Free space on the database server's disk. Nothing was changed; it is tried again at the next cycle.",
			isRetryable: true,
			cause,
		});
	}
	if (code === 'ER_STATEMENT_TIMEOUT') {
		return new ReplicatorError(
			`${doing === 'read' ? 'Reading from' : 'Writing to'} ${where} took longer than the server allows (${code}).`,
			{
				code: doing === 'read' ? 'database-read-failed' : 'database-write-failed',
				hint: 'Raise max_statement_time on the database server, or for the user of db-config.json; 0 is no limit. Nothing was changed; it is tried again at the next cycle.',
				isRetryable: true,
				cause,
			},
		);
	}
	const column = columnOf(error, columns);
	const reason = column === undefined ? code : `${code}: ${table}.${column}`;
	if (doing === 'write' && isServerError(error) && !PREVENTED.includes(code)) {
		const words = error.sqlMessage;
		if (code === 'ER_DUP_ENTRY') {
			return new StatementRefused(`Another row in ${where} has a value that must be unique.`, {
				code: 'database-changed-meanwhile',
				hint: 'Nothing was changed. It is tried again with a new plan.',
				isRetryable: true,
				cause,
				words,
			});
		}
		return new StatementRefused(`Writing to ${where} failed (${reason}).`, {
			code: 'database-write-failed',
			hint: `Nothing was changed. See what refuses it with ${table === undefined ? '' : `"SHOW CREATE TABLE ${table}" and `}"SHOW TRIGGERS"; change that, or the row on the leader.`,
			cause,
			words,
		});
	}
	return new ReplicatorError(
		`${doing === 'read' ? 'Reading from' : 'Writing to'} ${where} failed (${reason}).`,
		{
			code: doing === 'read' ? 'database-read-failed' : 'database-write-failed',
			hint: `${doing === 'read' ? 'Nothing was published' : 'Nothing was changed'}. Look into the error log of the database server, and check with "SHOW GRANTS" what the user of db-config.json may do.`,
			cause,
		},
	);
}
