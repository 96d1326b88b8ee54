import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src/database/open-database.ts';
import type { Database } from '../../src/model/database.ts';
import type { Column } from '../../src/model/row.ts';
import { freePort } from '../kit/free-port.ts';
import { makeNastyDatabase } from '../kit/nasty-database.ts';
import { MARIADB_PASSWORD, startPrivateMariadb } from '../kit/private-mariadb.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { useMariadb } from '../kit/use-mariadb.ts';
import { waitFor } from '../kit/wait-for.ts';

const server = useMariadb();

async function makeEmptyDatabase(name: string) {
	const { socketPath, ...config } = await server.createDatabase(name);
	return { tcp: config, socket: { ...config, socketPath: socketPath ?? '' } };
}

function readTables(database: Database): Promise<string[]> {
	return database.read(async (reader) => [...(await reader.schema()).tables.keys()]);
}

function columnsOf(database: Database, table: string): Promise<readonly Column[]> {
	return database.read(async (reader) => (await reader.schema()).tables.get(table)?.columns ?? []);
}

/** What a person may get to see of a failure. */
function wordsOf(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	return JSON.stringify(error, Object.getOwnPropertyNames(error)) + wordsOf(error.cause);
}

test('is reached over TCP as over a socket', async () => {
	const { tcp, socket } = await makeEmptyDatabase('ways');

	expect(await readTables(await openDatabase(tcp))).toEqual([]);
	expect(await readTables(await openDatabase(socket))).toEqual([]);
});

test('a wrong password is told as such, without the password', async () => {
	const { tcp } = await makeEmptyDatabase('denied');
	const database = await openDatabase({ ...tcp, password: 'wrong-but-secret' });

	const error = await readTables(database).catch((reason: unknown) => reason);

	expect(error).toMatchObject({
		code: 'database-unreachable',
		hint: expect.stringContaining('db-config.json'),
	});
	expect(wordsOf(error)).not.toContain('wrong-but-secret');
	expect(database.location).not.toContain('wrong-but-secret');
});

test.each(['tcp', 'socket'] as const)(
	'a server that does not run is unreachable by %s for now',
	async (way) => {
		const configs = await makeEmptyDatabase(`gone_${way}`);
		const database = await openDatabase(
			way === 'tcp'
				? { ...configs.tcp, port: await freePort() }
				: { ...configs.socket, socketPath: join(await temporaryDirectory(), 'socket') },
		);

		const error = await readTables(database).catch((reason: unknown) => reason);

		expect(error).toMatchObject({ code: 'database-unreachable', isRetryable: true });
		expect(wordsOf(error)).not.toContain(MARIADB_PASSWORD);
	},
);

test('a server that accepts and then says nothing is given up', { timeout: 30_000 }, async () => {
	const { tcp } = await makeEmptyDatabase('silent');
	const silent = createServer().listen(0, '127.0.0.1');
	onTestFinished(() => void silent.close());
	await once(silent, 'listening');
	const address = silent.address();
	if (address === null || typeof address === 'string') throw new Error('no port');
	const database = await openDatabase({ ...tcp, port: address.port });

	await expect(readTables(database)).rejects.toMatchObject({
		code: 'database-unreachable',
		isRetryable: true,
	});
});

test('a database that Kuma has not made yet is told apart', async () => {
	const { tcp } = await makeEmptyDatabase('made');
	const database = await openDatabase({ ...tcp, database: 'not_made' });

	await expect(readTables(database)).rejects.toMatchObject({ code: 'database-not-migrated' });
});

/** Cuts the connection whose transaction is in that state, as soon as there is one. */
function cutConnection(transactionState: 'RUNNING' | 'LOCK WAIT'): Promise<void> {
	const kill = `SET @id = (SELECT trx_mysql_thread_id FROM information_schema.INNODB_TRX WHERE trx_state = '${transactionState}');
		KILL IFNULL(@id, 0)`;
	const isCut = () =>
		server.run(kill).then(
			() => true,
			() => false,
		);
	return waitFor(isCut, { timeoutMs: 20_000, what: 'A transaction to cut' });
}

test.each([
	['while a statement runs', 'LOCK WAIT'],
	['between two statements', 'RUNNING'],
] as const)('a connection that is cut %s makes the database unreachable for now', async (_when, state) => {
	const { database, other } = await makeNastyDatabase('mariadb', server);
	const columns = await columnsOf(database, 'monitor_tag');
	if (state === 'LOCK WAIT') await other.run("BEGIN; UPDATE tag SET name = 'held' WHERE id = 1");

	const writing = database.write(async (writer) => {
		await writer.delete({ table: 'monitor_tag', keyColumns: ['id'], keys: [[16]] });
		const deleting = () => writer.delete({ table: 'tag', keyColumns: ['id'], keys: [[1]] });
		if (state === 'LOCK WAIT') await Promise.all([deleting(), cutConnection(state)]);
		await cutConnection(state);
		await deleting();
	});

	await expect(writing).rejects.toMatchObject({ code: 'database-unreachable', isRetryable: true });
	expect(
		await database.read((reader) => reader.rows({ table: 'monitor_tag', columns, orderBy: ['id'] })),
	).toHaveLength(65);
});

test('a write that the server chose to end a deadlock is run again', async () => {
	const { database, other } = await makeNastyDatabase('mariadb', server);
	const columns = (await columnsOf(database, 'tag')).filter(({ name }) => name === 'name');
	const rename = (id: number) => ({ table: 'tag', keyColumns: ['id'], key: [id], columns, values: ['ours'] });
	// InnoDB ends the transaction that has changed fewer rows.
	await other.run("BEGIN; UPDATE incident SET title = 'theirs'; UPDATE tag SET name = 'theirs' WHERE id = 1");
	let runs = 0;
	let theirs: Promise<void> | undefined;

	await database.write(async (writer) => {
		runs += 1;
		await writer.update(rename(7));
		theirs ??= other.run("UPDATE tag SET name = 'theirs' WHERE id = 7; COMMIT");
		await writer.update(rename(1));
	});

	await theirs;
	const names = await database.read((reader) => reader.rows({ table: 'tag', columns, orderBy: ['id'] }));
	expect(runs).toBe(2);
	expect(names.slice(0, 2)).toEqual([['ours'], ['ours']]);
});

test.each([
	['text that is too long', { title: 'secret'.repeat(100) }],
	['an emoji in an old character set', { slug: 'secret🧪' }],
	['a date that is none', { created_date: '2026-02-30 secret' }],
	['a number out of range', { auto_refresh_interval: -1 }],
])('%s is refused by table and column, never cut, and not told', async (_what, values) => {
	const { database } = await makeNastyDatabase('mariadb', server);
	const all = await columnsOf(database, 'status_page');

	const writing = database.write((writer) =>
		writer.update({
			table: 'status_page',
			keyColumns: ['id'],
			key: [1],
			columns: all.filter(({ name }) => name in values),
			values: Object.values(values),
		}),
	);

	const error = await writing.catch((reason: unknown) => reason);
	expect(error).toMatchObject({
		code: 'database-write-failed',
		message: expect.stringContaining(`status_page.${Object.keys(values)[0]}`),
	});
	expect(wordsOf(error)).not.toContain('secret');
});

test('rows are sent in packets that the server takes, and a value beyond them is refused', async () => {
	const { database, other } = await makeNastyDatabase('mariadb', server);
	await other.run('CREATE TABLE many (id INT PRIMARY KEY, body LONGTEXT)');
	await server.run('SET GLOBAL max_allowed_packet = 1048576');
	onTestFinished(() => server.run('SET GLOBAL max_allowed_packet = 16777216'));
	const columns = await columnsOf(database, 'many');
	const rows = Array.from({ length: 20 }, (_none, index) => [index, 'é'.repeat(100_000)]);

	await database.write((writer) => writer.insert({ table: 'many', columns, rows }));

	expect(await database.read((reader) => reader.rows({ table: 'many', columns, orderBy: ['id'] }))).toEqual(
		rows,
	);
	await expect(
		database.write((writer) =>
			writer.insert({ table: 'many', columns, rows: [[99, 'x'.repeat(1_048_576)]] }),
		),
	).rejects.toMatchObject({
		code: 'database-write-failed',
		hint: expect.stringContaining('max_allowed_packet'),
	});
});

test('a statement that takes longer than the server allows says which limit to raise', async () => {
	const { database, other } = await makeNastyDatabase('mariadb', server);
	const columns = (await columnsOf(database, 'tag')).filter(({ name }) => name === 'name');
	await other.run("BEGIN; UPDATE tag SET name = 'theirs' WHERE id = 1");
	await server.run('SET GLOBAL max_statement_time = 0.2');
	onTestFinished(() => server.run('SET GLOBAL max_statement_time = 0'));

	const writing = database.write((writer) =>
		writer.update({ table: 'tag', keyColumns: ['id'], key: [1], columns, values: ['ours'] }),
	);

	await expect(writing).rejects.toMatchObject({
		code: 'database-write-failed',
		message: expect.stringContaining('ER_STATEMENT_TIMEOUT'),
		hint: expect.stringContaining('max_statement_time'),
		isRetryable: true,
	});
});

test('a table that Kuma is altering is waited for, but not for ever', { timeout: 60_000 }, async () => {
	const { database, other } = await makeNastyDatabase('mariadb', server);
	const columns = await columnsOf(database, 'tag');
	await other.run('LOCK TABLES tag WRITE');

	const reading = database.read((reader) => reader.rows({ table: 'tag', columns, orderBy: ['id'] }));

	await expect(reading).rejects.toMatchObject({ code: 'database-locked', isRetryable: true });
});

test('dates and times come as the server prints them, whatever its own time zone is', async () => {
	const { database, other } = await makeNastyDatabase('mariadb', server);
	await other.run(`SET time_zone = '+00:00'; CREATE TABLE times (id INT PRIMARY KEY, a TIMESTAMP NULL, b DATETIME(3), c DATE, d TIME, e YEAR);
		SET sql_mode = ''; INSERT INTO times VALUES (1, '2026-11-24 10:11:12', '2026-11-24 10:11:12.5', '0000-00-00', '-100:00:01', 2026)`);
	await server.run("SET GLOBAL time_zone = '+09:00'");
	onTestFinished(() => server.run("SET GLOBAL time_zone = '+00:00'"));
	const columns = await columnsOf(database, 'times');

	const rows = await database.read((reader) => reader.rows({ table: 'times', columns, orderBy: ['id'] }));

	expect(rows).toEqual([
		[1, '2026-11-24 10:11:12', '2026-11-24 10:11:12.500', '0000-00-00', '-100:00:01', 2026],
	]);
	await database.write(async (writer) => {
		await writer.delete({ table: 'times', keyColumns: ['id'], keys: [[1]] });
		await writer.insert({ table: 'times', columns, rows });
	});
	expect(await database.read((reader) => reader.rows({ table: 'times', columns, orderBy: ['id'] }))).toEqual(
		rows,
	);
});

test('TLS is verified: by the authority in db-config.json, and never without one', async () => {
	const directory = await temporaryDirectory('tls');
	const [certificate, key] = [join(directory, 'certificate.pem'), join(directory, 'key.pem')];
	await execa('openssl', [
		...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
		...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
		...['-keyout', key, '-out', certificate],
	]);
	const secured = await startPrivateMariadb({ tls: { certificate, key } });
	onTestFinished(() => secured.stop());
	const { socketPath: _none, ...config } = await secured.createDatabase('secured');
	const plain = await makeEmptyDatabase('unsecured');
	const ca = await readFile(certificate, 'utf8');

	const trusted = readTables(await openDatabase({ ...config, host: 'localhost', tls: { ca } }));
	const untrusted = readTables(await openDatabase({ ...config, host: 'localhost', tls: {} }));
	const unsupported = readTables(await openDatabase({ ...plain.tcp, tls: { ca } }));

	const refused = { code: 'database-unreachable', hint: expect.stringContaining('"ca"') };
	const results = await Promise.allSettled([trusted, untrusted, unsupported]);
	expect(results).toMatchObject([
		{ status: 'fulfilled', value: [] },
		{ status: 'rejected', reason: refused },
		{ status: 'rejected', reason: refused },
	]);
});
