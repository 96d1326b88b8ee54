import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { createConnection } from 'mysql2/promise';
import type { DatabaseConfig } from '../../src/model/database-config.ts';
import { readFixture } from './fixtures.ts';
import { freePort } from './free-port.ts';
import { waitFor } from './wait-for.ts';

/** A MariaDB server of the tests' own: own files, own socket, a loopback port, nothing shared with the system's. */
export interface PrivateMariadb {
	readonly socketPath: string;
	readonly port: number;
	/** Makes an empty database as Kuma makes one. */
	createDatabase(name: string): Promise<DatabaseConfig & { type: 'mariadb' }>;
	/** Fills a database from a gzipped dump among the fixtures. */
	importFixture(name: string, database: string): Promise<void>;
	run(sql: string, database?: string): Promise<void>;
	stop(): Promise<void>;
}

const MARIADB_USER = 'kuma';
export const MARIADB_PASSWORD = "Kum4's \\ password";

/**
 * Ends the server and removes its files as soon as standard input ends: however the tests die, SIGKILL included,
 * no server stays behind. Without this, mariadbd would live on for ever.
 */
const WATCHDOG = `
directory=$1; shift
"$@" >"$directory/log" 2>&1 &
server=$!
cat >/dev/null
kill -KILL $server
wait $server
rm -rf "$directory"
`;

/** @param options `tls`: a server certificate and its key, PEM files. */
export async function startPrivateMariadb(
	options: { readonly tls?: { readonly certificate: string; readonly key: string } } = {},
): Promise<PrivateMariadb> {
	const directory = await mkdtemp(join(tmpdir(), 'replicator-kuma-mariadb-'));
	const data = join(directory, 'data');
	const socketPath = join(directory, 'socket');
	const port = await freePort();
	const user = userInfo().username;
	try {
		await execa('mariadb-install-db', [
			'--no-defaults',
			`--user=${user}`,
			`--datadir=${data}`,
			'--auth-root-authentication-method=socket',
			`--auth-root-socket-user=${user}`,
			'--skip-test-db',
		]);
	} catch (error) {
		await rm(directory, { recursive: true, force: true });
		throw error;
	}
	const server = spawn(
		'sh',
		[
			'-c',
			WATCHDOG,
			'sh',
			directory,
			process.env.MARIADBD ?? '/usr/sbin/mariadbd',
			'--no-defaults',
			`--user=${user}`,
			`--datadir=${data}`,
			`--socket=${socketPath}`,
			`--pid-file=${join(directory, 'pid')}`,
			`--port=${port}`,
			'--bind-address=127.0.0.1',
			'--innodb-buffer-pool-size=64M',
			'--innodb-flush-log-at-trx-commit=0',
			'--skip-log-bin',
			...(options.tls === undefined
				? []
				: [`--ssl-cert=${options.tls.certificate}`, `--ssl-key=${options.tls.key}`]),
		],
		// A group of its own: Ctrl-C reaches the tests first, and the watchdog cleans up after them.
		{ stdio: ['pipe', 'ignore', 'ignore'], detached: true },
	);
	const connect = (database?: string) =>
		createConnection({
			socketPath,
			user,
			multipleStatements: true,
			...(database === undefined ? {} : { database }),
		});
	const run = async (sql: string, database?: string) => {
		const connection = await connect(database);
		try {
			await connection.query(sql);
		} finally {
			connection.destroy();
		}
	};
	try {
		await waitFor(
			() =>
				run('SELECT 1').then(
					() => true,
					() => false,
				),
			{ timeoutMs: 30_000, what: 'MariaDB' },
		);
		const password = MARIADB_PASSWORD.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
		await run(
			`CREATE USER '${MARIADB_USER}'@'%' IDENTIFIED BY '${password}'; GRANT ALL ON *.* TO '${MARIADB_USER}'@'%'`,
		);
	} catch (error) {
		await stopServer(server);
		throw error;
	}
	return {
		socketPath,
		port,
		run,
		createDatabase: async (name) => {
			await run(`CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4`);
			return {
				type: 'mariadb',
				host: '127.0.0.1',
				port,
				user: MARIADB_USER,
				password: MARIADB_PASSWORD,
				database: name,
				socketPath,
			};
		},
		importFixture: async (name, database) => {
			const sql = (await readFixture(name)).toString('utf8').replace(/^\/\*M?!999999.*\n/, '');
			await execa(
				'mariadb',
				[
					'--no-defaults',
					`--socket=${socketPath}`,
					'--default-character-set=utf8mb4',
					'--binary-mode',
					database,
				],
				{
					input: sql,
				},
			);
		},
		stop: () => stopServer(server),
	};
}

async function stopServer(watchdog: ChildProcess): Promise<void> {
	if (watchdog.exitCode !== null || watchdog.signalCode !== null) return;
	const gone = once(watchdog, 'exit');
	watchdog.stdin?.end();
	await gone;
}
