import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/database/open-database.ts';
import type { Database, DatabaseReader, DatabaseWriter } from '../../src/model/database.ts';
import type { Column } from '../../src/model/row.ts';
import { cuttableNetwork } from '../kit/cuttable-network.ts';
import { makeNastyDatabase, type OtherClient } from '../kit/nasty-database.ts';
import { type PrivateMariadb, startPrivateMariadb } from '../kit/private-mariadb.ts';
import { waitFor } from '../kit/wait-for.ts';

const LIMITS = { connectMs: 1_500, statementMs: 1_500, transactionMs: 6_000, writeLockMs: 6_000 };
/** By far less than what a test waits for that hangs for ever. */
const BOUND_MS = 15_000;
const NAME: Column[] = [{ name: 'name', declared: 'varchar(255)', isNullable: false }];

let server: PrivateMariadb;
beforeAll(async () => {
	server = await startPrivateMariadb();
});
afterEach(() => server.thaw());
afterAll(() => server.stop());

async function makeDatabase(): Promise<{ database: Database; other: OtherClient }> {
	const { config, other } = await makeNastyDatabase('mariadb', server);
	return { database: await openDatabase(config, { limits: LIMITS }), other };
}

function rename(writer: DatabaseWriter, id: number, name = 'ours'): Promise<number> {
	return writer.update({ table: 'tag', keyColumns: ['id'], key: [id], columns: NAME, values: [name] });
}

async function readNames(database: Database): Promise<unknown[]> {
	const rows = await database.read((reader) => reader.rows({ table: 'tag', columns: NAME, orderBy: ['id'] }));
	return rows.map(([name]) => name);
}

/** @returns what the promise is rejected with. @throws Error when it has not been after a while. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
	const still = Symbol('still waiting');
	const waiting = new Promise((resolve) => setTimeout(resolve, BOUND_MS, still).unref());
	const came = await Promise.race([
		promise.then(
			() => 'it succeeded',
			(error: unknown) => error,
		),
		waiting,
	]);
	if (came === still) throw new Error(`nothing came of it within ${BOUND_MS} ms`);
	return came;
}

const unreachable = { code: 'database-unreachable', isRetryable: true };

describe('a server that freezes is given up within bounds, and what it does later is not taken for nothing', () => {
	test.each<[string, (writer: DatabaseWriter, other: OtherClient) => Promise<unknown>]>([
		['before the first statement is prepared', (writer) => server.freeze().then(() => rename(writer, 1))],
		[
			'between two statements',
			async (writer) => {
				await rename(writer, 1);
				await server.freeze();
				return rename(writer, 7);
			},
		],
		[
			'while a statement runs',
			async (writer, other) => {
				await other.run("BEGIN; UPDATE tag SET name = 'theirs' WHERE id = 1");
				const isWaiting = async () =>
					(await server.ask("SELECT 1 FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"))
						.length > 0;
				const renaming = rename(writer, 1);
				const frozen = waitFor(isWaiting, { timeoutMs: BOUND_MS, what: 'a statement' }).then(server.freeze);
				return (await Promise.all([renaming, frozen]))[0];
			},
		],
		[
			'before rows are inserted',
			async (writer) => {
				await server.freeze();
				const columns = [{ name: 'id', declared: 'int', isNullable: false }, ...NAME];
				return writer.insert({ table: 'tag', columns, rows: [[999, 'new']] });
			},
		],
		[
			'before rows are deleted',
			async (writer) => {
				await server.freeze();
				return writer.delete({ table: 'tag', keyColumns: ['id'], keys: [[1]] });
			},
		],
	])('%s: nothing was changed, and the next write works', { timeout: 60_000 }, async (_when, hang) => {
		const { database, other } = await makeDatabase();
		const before = await readNames(database);

		const error = await rejection(database.write((writer) => hang(writer, other)));
		await server.thaw();
		await other.close();

		expect(error).toMatchObject(unreachable);
		expect(await readNames(database)).toEqual(before);
		await database.write((writer) => rename(writer, 1));
		expect((await readNames(database))[0]).toBe('ours');
	});

	test('at the commit: it says that this is not known, and the next read sees what became of it', async () => {
		const { database } = await makeDatabase();

		const writing = database.write(async (writer) => {
			await rename(writer, 1);
			await server.freeze();
		});
		const error = await rejection(writing);
		await server.thaw();

		expect(error).toMatchObject({ code: 'database-outcome-unknown', isRetryable: true });
		// The server had the commit in its socket: it is carried out when it goes on, and never after this read.
		const [first] = await readNames(database);
		expect(first).toBe('ours');
	});

	test.each<[string, (database: Database) => Promise<unknown>]>([
		['before it is connected to', (database) => server.freeze().then(() => readNames(database))],
		[
			'before a write',
			(database) => server.freeze().then(() => database.write((writer) => rename(writer, 1))),
		],
		['before a slice', deleteFrozen],
		[
			'before it is asked whether it can be written to',
			(database) => server.freeze().then(() => database.waitUntilWritable()),
		],
		[
			'before a table is read',
			(database) =>
				database.read(frozenRead((reader) => reader.rows({ table: 'tag', columns: NAME, orderBy: ['id'] }))),
		],
		['before the schema is read', (database) => database.read(frozenRead((reader) => reader.schema()))],
		['at the end of a read', (database) => database.read(frozenRead(async () => undefined))],
	])('%s: it is unreachable, and later it is not', { timeout: 60_000 }, async (_when, hang) => {
		const { database } = await makeDatabase();
		const before = await readNames(database);

		const error = await rejection(hang(database));
		await server.thaw();

		expect(error).toMatchObject(unreachable);
		expect(await readNames(database)).toEqual(before);
	});

	test('what is under way ends at once when it is aborted, and nothing begins after that', async () => {
		const { config } = await makeNastyDatabase('mariadb', server);
		const stop = new AbortController();
		const database = await openDatabase(config, { signal: stop.signal });
		const reason = new Error('on purpose');

		const writing = database.write(async (writer) => {
			await server.freeze();
			setTimeout(() => stop.abort(reason), 100);
			await rename(writer, 1);
		});

		expect(await rejection(writing)).toBe(reason);
		expect(await rejection(readNames(database))).toBe(reason);
	});
});

test('a slice that a frozen server has begun is over before the next read', { timeout: 60_000 }, async () => {
	const { database, other } = await makeDatabase();
	await other.run("BEGIN; UPDATE tag SET name = 'theirs' WHERE id = 1");
	const deleting = database.deleteInSlices({ table: 'tag', column: 'id', values: [1] });
	const isWaiting = async () =>
		(await server.ask("SELECT 1 FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'")).length >
		0;
	const frozen = waitFor(isWaiting, { timeoutMs: BOUND_MS, what: 'a slice' }).then(server.freeze);
	const error = (await Promise.all([rejection(deleting), frozen]))[0];
	await server.thaw();

	let isRead = false;
	const reading = readNames(database).finally(() => {
		isRead = true;
	});
	const isHeldUp = async () =>
		isRead ||
		(await server.ask("SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE = 'User lock'")).length > 0;
	await waitFor(isHeldUp, { timeoutMs: BOUND_MS, what: 'a read' });
	await other.run('COMMIT');
	const names = await reading;
	const isOver = async () => (await server.ask('SELECT 1 FROM information_schema.INNODB_TRX')).length === 0;
	await waitFor(isOver, { timeoutMs: BOUND_MS, what: 'the end of the slice' });

	expect(error).toMatchObject(unreachable);
	expect(await readNames(database)).toEqual(names);
});

function deleteFrozen(database: Database): Promise<unknown> {
	return server
		.freeze()
		.then(() => database.deleteInSlices({ table: 'heartbeat', column: 'monitor_id', values: [1] }));
}

function frozenRead<Result>(read: (reader: DatabaseReader) => Promise<Result>) {
	return async (reader: DatabaseReader) => {
		await server.freeze();
		return read(reader);
	};
}

test('a transaction that a cut network has left on the server keeps nobody out for long', async () => {
	const { config, other } = await makeNastyDatabase('mariadb', server);
	if (config.type !== 'mariadb') throw new Error('another kind');
	const network = await cuttableNetwork(server.port);
	const { socketPath: _none, ...remote } = config;
	const database = await openDatabase({ ...remote, port: network.port }, { limits: LIMITS });

	const writing = database.write(async (writer) => {
		await rename(writer, 1);
		network.cut('everything');
		await rename(writer, 7);
	});
	const error = await rejection(writing);
	network.mend();

	expect(error).toMatchObject(unreachable);
	// Both would wait for eight hours, as long as the server keeps a connection that says nothing.
	await other.run("SET innodb_lock_wait_timeout = 10; UPDATE tag SET name = 'theirs' WHERE id = 1");
	await database.write((writer) => rename(writer, 7));
	const names = await readNames(database);
	expect([names[0], names.includes('ours')]).toEqual(['theirs', true]);
});
