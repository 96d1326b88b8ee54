import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import type { DatabaseConfig } from '../model/database-config.ts';
import { ReplicatorError } from '../model/replicator-error.ts';

export type LoadedDatabaseConfig =
	| { readonly outcome: 'not-set-up'; readonly reason: string }
	| { readonly outcome: 'configured'; readonly config: DatabaseConfig };

const FILE = 'db-config.json';

// Kuma hard-codes all three (its server/embedded-mariadb.js and database.js): the socket, the database's name, and
// the operating system's user as the database's, authenticated by the socket.
const EMBEDDED_SOCKET = '/app/data/run/mariadb.sock';
const EMBEDDED_DATABASE = 'kuma';

const DEFAULT_PORT = 3306;

const optionalText = z
	.string()
	.nullish()
	.transform((text) => (text?.trim() ? text : undefined));
const mariadbSchema = z.object({
	hostname: optionalText,
	port: z
		.union([z.string(), z.number()])
		.nullish()
		.transform((port) => (port === null || port === undefined || port === '' ? DEFAULT_PORT : Number(port)))
		.pipe(z.int().min(1).max(65_535)),
	dbName: z.string().min(1),
	username: optionalText,
	password: z.string().nullish(),
	socketPath: optionalText,
	ssl: z.boolean().nullish(),
	ca: optionalText,
});

/**
 * Reads which database a Kuma uses from the file that its database wizard, or its environment, has written. No file,
 * an empty one, or `{}` means that nobody has chosen yet: a value, for the wizard is the user's and has no time-out.
 * @throws ReplicatorError `database-config-invalid` for a file that is neither empty nor usable.
 */
export async function loadDatabaseConfig(dataDirectory: string): Promise<LoadedDatabaseConfig> {
	const path = join(dataDirectory, FILE);
	const text = await readOptional(path);
	if (text === null) return { outcome: 'not-set-up', reason: `${path} does not exist yet` };
	if (text.trim() === '') return { outcome: 'not-set-up', reason: `${path} is empty` };
	const raw = parse(path, text);
	if (Object.keys(raw).length === 0) return { outcome: 'not-set-up', reason: `${path} names no database` };
	return { outcome: 'configured', config: toConfig({ path, raw, dataDirectory }) };
}

async function readOptional(path: string): Promise<string | null> {
	try {
		return await readFile(path, 'utf8');
	} catch (cause) {
		const { code } = cause as NodeJS.ErrnoException;
		if (code === 'ENOENT') return null;
		throw new ReplicatorError(`${path} cannot be read (${code}).`, {
			code: 'file-access',
			hint: 'Let the user that runs replicator-kuma read the data directory.',
			cause,
		});
	}
}

function parse(path: string, text: string): Record<string, unknown> {
	try {
		const raw: unknown = JSON.parse(text);
		if (typeof raw === 'object' && raw !== null && !Array.isArray(raw)) return raw as Record<string, unknown>;
	} catch {
		// Told below, with everything else that is no object: the parser's own words would quote the password.
	}
	throw invalid(path, 'it is not a JSON object');
}

function toConfig(request: {
	path: string;
	raw: Record<string, unknown>;
	dataDirectory: string;
}): DatabaseConfig {
	const { path, raw, dataDirectory } = request;
	switch (raw.type) {
		case 'sqlite':
			return { type: 'sqlite', path: join(dataDirectory, 'kuma.db') };
		case 'embedded-mariadb':
			return {
				type: 'embedded-mariadb',
				socketPath: EMBEDDED_SOCKET,
				user: userInfo().username,
				database: EMBEDDED_DATABASE,
			};
		case 'mariadb':
			return toMariadb(path, raw);
		default:
			throw invalid(path, `its type is ${JSON.stringify(raw.type)}, not sqlite, mariadb or embedded-mariadb`);
	}
}

function toMariadb(path: string, raw: Record<string, unknown>): DatabaseConfig {
	const parsed = mariadbSchema.safeParse(raw);
	if (!parsed.success) {
		throw invalid(
			path,
			`${parsed.error.issues.map((issue) => issue.path.join('.')).join(', ')} cannot be used`,
		);
	}
	const { hostname, port, dbName, username, password, socketPath, ssl, ca } = parsed.data;
	return {
		type: 'mariadb',
		host: hostname ?? 'localhost',
		port,
		user: username ?? '',
		password: password ?? '',
		database: dbName,
		...(socketPath === undefined ? {} : { socketPath }),
		...(ssl === true ? { tls: ca === undefined ? {} : { ca } } : {}),
	};
}

function invalid(path: string, reason: string): ReplicatorError {
	return new ReplicatorError(`${path} cannot be used: ${reason}.`, {
		code: 'database-config-invalid',
		hint: 'Let Uptime Kuma write it: remove the file, restart Kuma and choose the database in its wizard.',
	});
}
