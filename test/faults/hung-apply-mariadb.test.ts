import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Lease } from '../../src/agent/monitors/lease.ts';
import { serveAgent } from '../../src/agent/serve.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { takeSnapshot } from '../../src/instance/snapshots/take-snapshot.ts';
import {
	AGENT_PROTOCOL,
	CAPABILITIES,
	type Capabilities,
	type Capability,
} from '../../src/model/agent-protocol.ts';
import { NO_BEATS_YET } from '../../src/model/beat-watch.ts';
import type { Database, DatabaseWriter } from '../../src/model/database.ts';
import type { DatabaseConfig } from '../../src/model/database-config.ts';
import type { Uploads } from '../../src/model/instance.ts';
import type { Reload } from '../../src/model/reload.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { AgentLink } from '../../src/reload/agent-link.ts';
import { createHotReload, type HotReload } from '../../src/reload/hot-reload.ts';
import { type ApplyOutcome, applySnapshot } from '../../src/replica/apply-snapshot.ts';
import { readTree } from '../../src/snapshot/read-tree.ts';
import { writeTree } from '../../src/snapshot/write-tree.ts';
import { cuttableNetwork } from '../kit/cuttable-network.ts';
import { PLAIN_APPLY } from '../kit/plain-apply.ts';
import { type PrivateMariadb, startPrivateMariadb } from '../kit/private-mariadb.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { memoryUploads, SILENT_LOG, testInstance } from '../kit/test-instance.ts';
import { waitFor } from '../kit/wait-for.ts';

const DATABASE_LIMITS = { connectMs: 1_000, statementMs: 1_500, transactionMs: 10_000, writeLockMs: 6_000 };
const RELOAD_LIMITS = { leaseMs: 500, renewMs: 100, stoppedMs: 1_000, reloadMs: 5_000 };
const SOON_MS = 15_000;

const EVERYTHING = Object.fromEntries(CAPABILITIES.map((name) => [name, true])) as Capabilities;
const without = (name: Capability): Capabilities => ({ ...EVERYTHING, [name]: 'this Kuma has none' });

let server: PrivateMariadb;
beforeAll(async () => {
	server = await startPrivateMariadb();
});
afterEach(() => server.thaw());
afterAll(() => server.stop());

/** The agent's own server and lease, around a Kuma that only notes what becomes of its monitors. */
async function startKuma(capabilities: Capabilities) {
	const path = join(await temporaryDirectory('agent'), 'agent.sock');
	const events: string[] = [];
	const lease = new Lease(() => events.push('taken up by the agent'));
	let onStopped: () => Promise<void> = async () => undefined;
	const result = { isStarting: false, started: 1, stopped: 1, problems: [], durationMs: 1 };
	serveAgent(path, {
		onRequest: async (client, request) => {
			switch (request.method) {
				case 'stop':
					events.push('stopped');
					lease.begin(client, request.changes, request.leaseMs);
					await onStopped();
					return 1;
				case 'renew':
					return lease.renew(request.leaseMs);
				case 'reload':
					lease.settle(request.changes);
					events.push('reloaded');
					return result;
				default:
					return {
						protocol: AGENT_PROTOCOL,
						productVersion: '0.0.0',
						kumaVersion: '2.5.3',
						pid: process.pid,
						fingerprint: 'it',
						phase: 'running',
						capabilities,
						problems: [],
						beats: NO_BEATS_YET,
					};
			}
		},
		onClosed: (client) => lease.abandon(client),
		onUnreachable: () => undefined,
	});
	const agent = new AgentLink({ connect: () => open(path), log: SILENT_LOG });
	agent.start();
	onTestFinished(() => agent.stop());
	if (!(await agent.waitUntilConnected(SOON_MS))) throw new Error('no agent');
	const reload: HotReload = createHotReload({
		agent,
		log: SILENT_LOG,
		isLeader: false,
		limits: RELOAD_LIMITS,
		kuma: {
			process: () => 'running',
			restart: async (reason) => {
				events.push('restarted');
				// As it is held at its start.
				await reload.release(null);
				return { outcome: 'restarted', reason, blindMs: 1 };
			},
		},
	});
	return {
		events,
		reload,
		whenStopped: (work: () => Promise<void>) => {
			onStopped = work;
		},
	};
}

function open(path: string): Promise<Socket> {
	return new Promise((resolve, reject) => {
		const socket = connect(path);
		socket.once('connect', () => resolve(socket));
		socket.once('error', reject);
	});
}

let databaseCount = 0;

async function makeDatabase(sql: string): Promise<DatabaseConfig & { type: 'mariadb' }> {
	databaseCount += 1;
	const config = await server.createDatabase(`hung_${databaseCount}`);
	await server.importFixture('plain-2.3.2.mariadb.sql.gz', config.database);
	await server.run(sql, config.database);
	return config;
}

const PAGE_WITH_IMAGE = "UPDATE status_page SET icon = '/upload/old.png' WHERE id = 1";

async function makeSnapshot(sql: string): Promise<Snapshot> {
	const database = await openDatabase(await makeDatabase(sql));
	const uploads = memoryUploads({ 'upload/old.png': Buffer.from('an image') });
	const { encoded, manifest } = await takeSnapshot(testInstance({ database, uploads }), database);
	const directory = await temporaryDirectory('snapshot');
	await writeTree({ directory, encoded, manifest: manifest(null) });
	return readTree({ directory, where: 'it' });
}

/** A replica, and a snapshot in which one monitor has another name and, if there are uploads, a page has no image. */
async function makeReplica(parts: { readonly uploads?: Uploads; readonly port?: number } = {}) {
	const before = parts.uploads === undefined ? 'SELECT 1' : PAGE_WITH_IMAGE;
	const previous = await makeSnapshot(before);
	const snapshot = await makeSnapshot("UPDATE monitor SET name = 'Edited' WHERE id = 2");
	const { socketPath, ...config } = await makeDatabase(before);
	const { port } = parts;
	const place = port === undefined ? { ...config, socketPath: socketPath ?? '' } : { ...config, port };
	const database = await openDatabase(place, { limits: DATABASE_LIMITS });
	const { uploads = memoryUploads() } = parts;
	const nameOf = async () =>
		(await server.ask('SELECT name FROM monitor WHERE id = 2', config.database))[0]?.[0];
	const apply = (reload: Reload, through: Database = database): Promise<ApplyOutcome> =>
		applySnapshot({
			instance: testInstance({ database: through, uploads }),
			database: through,
			reload,
			snapshot,
			...PLAIN_APPLY,
			previous,
		});
	return { database, apply, nameOf };
}

/** The same database, but `hang` runs in each of its transactions, behind everything that is written. */
function hangingAtTheCommit(database: Database, hang: () => Promise<void>): Database {
	return {
		...database,
		write: (write) =>
			database.write(async (writer) => {
				const result = await write(writer);
				await hang();
				return result;
			}),
	};
}

function hangingInTheMiddle(database: Database, hang: () => Promise<void>): Database {
	const hangingWriter = (writer: DatabaseWriter): DatabaseWriter => ({
		schema: () => writer.schema(),
		rows: (request) => writer.rows(request),
		haveRows: (request) => writer.haveRows(request),
		countRows: (request) => writer.countRows(request),
		rulesMark: () => writer.rulesMark(),
		countBrokenReferences: (tables) => writer.countBrokenReferences(tables),
		insert: (request) => writer.insert(request),
		delete: (request) => writer.delete(request),
		update: async (request) => {
			const matched = await writer.update(request);
			await hang();
			return matched;
		},
	});
	return { ...database, write: (write) => database.write((writer) => write(hangingWriter(writer))) };
}

const failureOf = (promise: Promise<unknown>) =>
	promise.then(
		() => 'it succeeded',
		(error: unknown) => error,
	);

test('monitors that nobody starts again run after a bounded time, although the apply lives', async () => {
	const { database, apply } = await makeReplica();
	const { reload, events } = await startKuma(EVERYTHING);
	const endless = Promise.withResolvers<void>();

	const applying = apply(
		reload,
		hangingInTheMiddle(database, () => endless.promise),
	);

	await waitFor(() => events.includes('taken up by the agent'), {
		timeoutMs: SOON_MS,
		what: 'the end of the lease',
	});
	endless.resolve();
	expect(await applying).toMatchObject({ outcome: 'applied' });
	expect(events).toEqual(['stopped', 'taken up by the agent', 'reloaded']);
});

describe('a server that freezes in the middle of an apply', () => {
	test.each([
		['between the stop and the transaction', 'stop'],
		['in the middle of the transaction', 'statement'],
		['at the commit', 'commit'],
	] as const)(
		'%s: monitors run again, and after it goes on, the rest is done',
		{ timeout: 60_000 },
		async (_when, point) => {
			const { database, apply, nameOf } = await makeReplica();
			const { reload, events, whenStopped } = await startKuma(EVERYTHING);
			if (point === 'stop') whenStopped(server.freeze);
			const hanging =
				point === 'commit'
					? hangingAtTheCommit(database, server.freeze)
					: point === 'statement'
						? hangingInTheMiddle(database, server.freeze)
						: database;

			const error = await failureOf(apply(reload, hanging));

			expect(error).toMatchObject({ code: 'database-unreachable', isRetryable: true });
			expect(events.at(-1)).not.toBe('stopped');
			whenStopped(async () => undefined);
			await server.thaw();
			events.length = 0;
			const next = await apply(reload);

			expect(await nameOf()).toBe('Edited');
			// What the server did of itself meanwhile is taken up as well.
			expect(events.at(-1)).toBe('reloaded');
			expect(next.outcome).toBe(point === 'commit' ? 'unchanged' : 'applied');
			events.length = 0;
			expect(await apply(reload)).toMatchObject({ outcome: 'unchanged' });
			expect(events).toEqual([]);
		},
	);

	test('at the commit, with a Kuma that cannot reload it: Kuma is restarted once, as soon as it is certain', async () => {
		const { database, apply, nameOf } = await makeReplica();
		const { reload, events } = await startKuma(without('monitors'));

		const error = await failureOf(apply(reload, hangingAtTheCommit(database, server.freeze)));
		expect(error).toMatchObject({ code: 'database-unreachable' });
		expect(events).toEqual([]);
		await server.thaw();
		await apply(reload);
		await apply(reload);

		expect(await nameOf()).toBe('Edited');
		expect(events).toEqual(['restarted']);
	});
});

/** Runs `work` the first time only. */
function once(work: () => Promise<void> | void): () => Promise<void> {
	let isDone = false;
	return async () => {
		if (isDone) return;
		isDone = true;
		await work();
	};
}

describe('a commit without an answer', () => {
	const killConnections = async () => {
		const ids = await server.ask("SELECT ID FROM information_schema.PROCESSLIST WHERE DB LIKE 'hung_%'");
		await server.run(ids.map(([id]) => `KILL ${id}`).join(';'));
	};

	test.each([
		['that never arrived', 'one that reloads', EVERYTHING, 'reloaded'],
		['that never arrived', 'one that must be restarted', without('monitors'), 'restarted'],
		['that was carried out', 'one that reloads', EVERYTHING, 'reloaded'],
		['that was carried out', 'one that must be restarted', without('monitors'), 'restarted'],
	] as const)(
		'%s: the same cycle finds out, and Kuma, %s, is told once',
		{ timeout: 60_000 },
		async (what, _which, capabilities, told) => {
			const network = await cuttableNetwork(server.port);
			const { database, apply, nameOf } = await makeReplica({ port: network.port });
			const { reload, events } = await startKuma(capabilities);
			const lose = once(() => {
				if (what === 'that never arrived') return killConnections();
				network.cut('answers');
				// A plan that is made again finds the network as it was.
				setTimeout(network.mend, DATABASE_LIMITS.statementMs - 500);
			});

			const outcome = await apply(reload, hangingAtTheCommit(database, lose));

			expect(outcome).toMatchObject({ outcome: 'applied' });
			expect(await nameOf()).toBe('Edited');
			expect(events.at(-1)).toBe(told);
			expect(events.filter((event) => event === 'restarted').length).toBe(told === 'restarted' ? 1 : 0);
		},
	);
});

test('what fails behind the commit does not keep Kuma from taking up what was committed', async () => {
	const uploads = memoryUploads({ 'upload/old.png': Buffer.from('an image') });
	const failing = { ...uploads, remove: () => Promise.reject(new Error('this disk is read-only')) };
	const { apply, nameOf } = await makeReplica({ uploads: failing });
	const { reload, events } = await startKuma(without('monitors'));

	const error = await failureOf(apply(reload));

	expect(error).toMatchObject({ message: 'this disk is read-only' });
	expect(await nameOf()).toBe('Edited');
	expect(events).toEqual(['restarted']);
});
