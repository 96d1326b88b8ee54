import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import type { DatabaseConfig } from '../../src/model/database-config.ts';
import { readFixture } from './fixtures.ts';
import { freePort } from './free-port.ts';
import { mariadbTemplate } from './mariadb-template.ts';
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
	/** @returns what a query gives, as text. */
	ask(sql: string, database?: string): Promise<string[][]>;
	/** Stops the server as a machine does that hangs: its connections stay, and nothing is answered. */
	freeze(): Promise<void>;
	/** Lets it go on where it was. */
	thaw(): Promise<void>;
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
	const program = process.env.MARIADBD ?? '/usr/sbin/mariadbd';
	try {
		await cp(await mariadbTemplate(program), data, { recursive: true });
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
			program,
			'--no-defaults',
			`--user=${user}`,
			`--datadir=${data}`,
			// A server that starts removes every temporary table in there, whoever uses it.
			`--tmpdir=${directory}`,
			`--socket=${socketPath}`,
			`--pid-file=${join(directory, 'pid')}`,
			`--port=${port}`,
			'--bind-address=127.0.0.1',
			'--innodb-buffer-pool-size=64M',
			'--innodb-flush-log-at-trx-commit=0',
			// A file for each table would take most of the time of an import.
			'--innodb-file-per-table=0',
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
	const ask = async (sql: string, database?: string) => {
		const connection = await connect(database);
		try {
			const [rows] = await connection.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
			return rows.map((row) => row.map(String));
		} finally {
			connection.destroy();
		}
	};
	const signal = async (name: 'SIGSTOP' | 'SIGCONT') => {
		const pid = Number(await readFile(join(directory, 'pid'), 'utf8'));
		process.kill(pid, name);
		// A thread that is at work goes on for a moment.
		const isDone = async () => {
			const states = await threadStates(pid);
			return name === 'SIGSTOP' ? states.every((state) => state === 'T') : !states.includes('T');
		};
		await waitFor(isDone, { timeoutMs: 10_000, what: `MariaDB after ${name}` });
	};
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
		ask,
		freeze: () => signal('SIGSTOP'),
		thaw: () => signal('SIGCONT'),
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

/** @returns the state of each thread of a process, as proc(5) names them. */
async function threadStates(pid: number): Promise<string[]> {
	const threads = await readdir(`/proc/${pid}/task`);
	const stats = await Promise.all(
		// One that has ended meanwhile has no state.
		threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8').catch(() => '')),
	);
	return stats.filter((stat) => stat !== '').map((stat) => stat.charAt(stat.lastIndexOf(')') + 2));
}

async function stopServer(watchdog: ChildProcess): Promise<void> {
	if (watchdog.exitCode !== null || watchdog.signalCode !== null) return;
	const gone = once(watchdog, 'exit');
	watchdog.stdin?.end();
	await gone;
}
