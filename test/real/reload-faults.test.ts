import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { statePaths } from '../../src/instance/state-folder/data-directory.ts';
import { readProcess } from '../../src/kuma/processes/process-table.ts';
import { AGENT_LINE_BYTES_MAX, type AgentChanges } from '../../src/model/agent-protocol.ts';
import type { DatabaseConfig } from '../../src/model/database-config.ts';
import type { DatabaseKind } from '../../src/model/row.ts';
import type { Status } from '../../src/model/status.ts';
import { type BeatingFleet, startBeatingFleet } from '../kit/beating-fleet.ts';
import { DATABASE_KINDS, forEachKind } from '../kit/database-kinds.ts';
import { findDifferences } from '../kit/find-differences.ts';
import { freePort } from '../kit/free-port.ts';
import { kumaRows } from '../kit/kuma-rows.ts';
import { openMonitorRows } from '../kit/monitor-rows.ts';
import type { Replicator } from '../kit/replicator.ts';
import { useMariadb } from '../kit/use-mariadb.ts';
import { waitFor } from '../kit/wait-for.ts';

const MONITORS = 8;
/** The issue's own figure: whatever is killed, every monitor beats again within it. */
const ALL_BEAT_MS = 15_000;
const SOON_MS = 60_000;
/** SQLite counts them for some seconds. */
const SLOW_ROWS = 80_000_000;

/** One fleet for all of these tests, each of which goes on from where the one before has left it. */
describe('what an apply leaves behind when something dies in the middle of it', () => {
	const mariadb = useMariadb();
	let mariadbDatabase: DatabaseConfig & { readonly type: 'mariadb' };
	let beating: BeatingFleet<DatabaseKind>;
	let ids: number[];
	let edit = 0;

	beforeAll(async () => {
		if (DATABASE_KINDS.includes('mariadb')) mariadbDatabase = await mariadb.createDatabase('replica');
		const environment = { REPLICATOR_LOG_LEVEL: 'debug' };
		beating = await startBeatingFleet({
			intervalSeconds: 2,
			replicas: await forEachKind((kind) => ({
				database: kind === 'mariadb' ? mariadbDatabase : kind,
				environment,
			})),
		});
		ids = await beating.setMonitors(MONITORS);
		const { fleet } = beating;
		await fleet.publish();
		await Promise.all(DATABASE_KINDS.map((name) => fleet.replicas[name].start()));
		await fleet.follow();
		for (const name of DATABASE_KINDS) await expectAllBeat(fleet.replicas[name]);
	});

	afterAll(async () => {
		await beating?.discard();
	});

	/** Gives half of the leader's monitors another target and publishes that. */
	async function publishEdit(): Promise<void> {
		edit += 1;
		await beating.rows.update(editedIds().map((id) => ({ id, url: beating.urlOf(id, edit) })));
		await beating.fleet.publish();
	}

	const editedIds = () => ids.slice(0, MONITORS / 2);

	/** Every monitor beats anew, counted from now. */
	async function expectAllBeat(replica: Replicator, withinMs = ALL_BEAT_MS): Promise<void> {
		const rows = await kumaRows(replica.dataDirectory, 'heartbeat');
		const lastId = Math.max(0, ...rows.map(({ id }) => Number(id)));
		await waitFor(
			async () => {
				const beats = await kumaRows(replica.dataDirectory, 'heartbeat');
				const fresh = new Set(
					beats.flatMap((row) => (Number(row.id) > lastId ? [Number(row.monitor_id)] : [])),
				);
				return ids.every((id) => fresh.has(id));
			},
			{ timeoutMs: withinMs, what: `every monitor beats; it said:\n${replica.log().slice(-3_000)}` },
		);
	}

	/** Holds what an apply must write, until the function that is returned is called. */
	async function holdDatabase(name: DatabaseKind): Promise<() => Promise<void>> {
		if (name === 'sqlite') {
			const { dataDirectory } = beating.fleet.replicas.sqlite;
			// Nothing is stopped while somebody else has locked the database, so the transaction itself takes long.
			const connection = new DatabaseSync(join(dataDirectory, 'kuma.db'), { timeout: SOON_MS });
			const work = `SELECT 1 FROM sqlite_schema a, sqlite_schema b, sqlite_schema c, sqlite_schema d LIMIT ${SLOW_ROWS}`;
			connection.exec(
				`CREATE TRIGGER slow BEFORE UPDATE ON monitor WHEN OLD.id = ${ids[0]} BEGIN SELECT count(*) FROM (${work}); END`,
			);
			return async () => {
				if (!connection.isOpen) return;
				connection.exec('DROP TRIGGER slow');
				connection.close();
			};
		}
		const { host, port, user, password, database } = mariadbDatabase;
		const connection = await createConnection({ host, port, user, password, database });
		await connection.query('START TRANSACTION');
		await connection.query('SELECT id FROM monitor WHERE id = ? FOR UPDATE', [ids[0]]);
		return () => connection.end();
	}

	/** Brings an apply to the point where its monitors are stopped and its transaction waits for the database. */
	async function hangInApply(name: DatabaseKind): Promise<() => Promise<void>> {
		const replica = beating.fleet.replicas[name];
		await publishEdit();
		const letGo = await holdDatabase(name);
		onTestFinished(letGo);
		const before = replica.log().length;
		replica.wake();
		await waitFor(() => replica.log().slice(before).includes('The monitors that change are stopped'), {
			timeoutMs: SOON_MS,
			what: 'an apply that has stopped its monitors',
		});
		return letGo;
	}

	/** Starts what was killed. Its Kuma is there already, so the port tells nothing. */
	async function runAgain(replica: Replicator): Promise<Status> {
		replica.spawn();
		await waitFor(
			() =>
				replica.status().then(
					({ kuma }) => kuma.state === 'running',
					() => false,
				),
			{ timeoutMs: SOON_MS, what: 'replicator-kuma runs again' },
		);
		return replica.status();
	}

	async function expectPair(name: DatabaseKind): Promise<void> {
		const { fleet } = beating;
		const replica = fleet.replicas[name];
		const head = (await fleet.leader.status()).newest?.id;
		replica.wake();
		const { heldRows } = await replica.waitForStatus(
			'the newest snapshot',
			({ applied, lastCycle }) => applied?.id === head && lastCycle?.snapshotId === head,
		);
		expect(
			await findDifferences({
				leader: fleet.leader.dataDirectory,
				replica: replica.dataDirectory,
				heldRows,
			}),
		).toEqual([]);
		await expectAllBeat(replica);
	}

	async function openAgent(replica: Replicator): Promise<Socket> {
		const socket = connect(statePaths(replica.dataDirectory).agentSocket);
		await once(socket, 'connect');
		socket.on('error', () => undefined);
		onTestFinished(() => {
			socket.destroy();
		});
		return socket;
	}

	async function ask(socket: Socket, request: Readonly<Record<string, unknown>>): Promise<unknown> {
		socket.write(`${JSON.stringify({ id: 1, ...request })}\n`);
		const [answer] = (await once(socket, 'data')) as [Buffer];
		return JSON.parse(answer.toString('utf8'));
	}

	function changesOf(changed: readonly number[]): AgentChanges {
		return {
			rows: changed.map((id) => ({ table: 'monitor', key: [id], kind: 'changed', columns: ['url'] })),
			retaggedMonitors: [],
			relinkedMonitors: [],
			settings: [],
			isEverything: false,
			timezone: null,
		};
	}

	test.each(DATABASE_KINDS)(
		'%s: killed between stop and transaction, it leaves no monitor stopped, and the next run goes on from there',
		async (name) => {
			const replica = beating.fleet.replicas[name];
			const { kuma } = await replica.status();
			const letGo = await hangInApply(name);

			await replica.kill();
			await letGo();

			await expectAllBeat(replica);
			const again = await runAgain(replica);
			expect(again.kuma).toMatchObject({ pid: kuma.pid, restarts: 0 });
			await expectPair(name);
			expect((await replica.status()).kuma.pid).toBe(kuma.pid);
		},
	);

	test.each(DATABASE_KINDS)(
		'%s: killed between transaction and reload, its Kuma takes the new configuration up by itself',
		async (name) => {
			const replica = beating.fleet.replicas[name];
			const { kuma } = await replica.status();
			await publishEdit();
			await replica.kill();
			// What the killed run would have done, up to its end.
			const agent = await openAgent(replica);
			expect(await ask(agent, { method: 'stop', changes: changesOf(editedIds()), leaseMs: 60_000 })).toEqual({
				id: 1,
				result: editedIds().length,
			});
			const rows = await openMonitorRows(replica.dataDirectory);
			await rows.update(editedIds().map((id) => ({ id, url: beating.urlOf(id, edit) })));
			await rows.close();

			agent.destroy();

			await waitFor(() => editedIds().every((id) => beating.hitsOf(id, edit).length > 0), {
				timeoutMs: ALL_BEAT_MS,
				what: 'the new targets are looked at',
			});
			await expectAllBeat(replica);
			expect((await runAgain(replica)).kuma.pid).toBe(kuma.pid);
			await expectPair(name);
		},
	);

	test('who stops monitors and then says nothing more loses them when the lease is over', async () => {
		const replica = beating.fleet.replicas.sqlite;
		const agent = await openAgent(replica);

		await ask(agent, { method: 'stop', changes: changesOf(ids), leaseMs: 1_000 });

		await expectAllBeat(replica);
	});

	/** A server that turns its Kuma away for a while. */
	test.each(DATABASE_KINDS.filter((kind) => kind === 'mariadb'))(
		'%s: a reload that fails when nobody is there to hear of it is tried again until it succeeds',
		async (name) => {
			const replica = beating.fleet.replicas[name];
			const agent = await openAgent(replica);
			await ask(agent, { method: 'stop', changes: changesOf(ids), leaseMs: 60_000 });
			await mariadb.run(
				`ALTER USER '${mariadbDatabase.user}'@'%' ACCOUNT LOCK; KILL USER ${mariadbDatabase.user}`,
			);
			const before = replica.log().length;

			agent.destroy();
			await waitFor(() => replica.log().slice(before).includes('[replicator-kuma agent] the reload failed'), {
				timeoutMs: SOON_MS,
				what: 'a reload that fails',
			});
			await mariadb.run(`ALTER USER '${mariadbDatabase.user}'@'%' ACCOUNT UNLOCK`);

			await expectAllBeat(replica);
		},
	);

	test.each(DATABASE_KINDS)(
		'%s: a Kuma that is killed in the middle of an apply starts once, with all of it',
		async (name) => {
			const replica = beating.fleet.replicas[name];
			const { kuma } = await replica.status();
			const letGo = await hangInApply(name);

			process.kill(kuma.pid ?? 0, 'SIGKILL');
			await waitFor(async () => (await replica.status()).kuma.pid !== kuma.pid, {
				timeoutMs: SOON_MS,
				what: 'the end of Kuma is noticed',
			});
			await letGo();

			const after = await replica.waitForStatus(
				'a running Kuma',
				({ kuma: { state } }) => state === 'running',
			);
			expect(after.kuma.restarts).toBe(kuma.restarts + 1);
			await expectPair(name);
			expect((await replica.status()).kuma.restarts).toBe(kuma.restarts + 1);
			expect(
				editedIds().every((id) => beating.hitsOf(id, edit).length > 0),
				'the new targets are looked at',
			).toBe(true);
		},
	);

	test('a Kuma that was taken over twice is supervised as any other', async () => {
		const replica = beating.fleet.replicas.sqlite;
		const { pid } = (await replica.status()).kuma;

		for (const _time of ['once', 'twice']) {
			await replica.kill();
			expect((await runAgain(replica)).kuma.pid).toBe(pid);
		}
		process.kill(pid ?? 0, 'SIGKILL');
		const { kuma } = await replica.waitForStatus(
			'another Kuma',
			({ kuma: { state, pid: newPid } }) => state === 'running' && newPid !== pid,
		);
		expect(kuma.restarts).toBe(1);
		await replica.kill();
		expect((await runAgain(replica)).kuma.pid).toBe(kuma.pid);
		await expectAllBeat(replica);

		expect(await replica.stop()).toBe(0);
		expect(await readProcess(kuma.pid ?? 0)).toBeNull();
		await replica.start();
	});

	test.each([
		['another port', async () => ({ UPTIME_KUMA_PORT: String(await freePort()) })],
		['another prefix', async () => ({ REPLICATOR_HOSTNAME: 'renamed' })],
	])(
		'a Kuma that would have to be started with %s is not taken over but ended first',
		async (_what, change) => {
			const replica = beating.fleet.replicas.sqlite;
			const { pid } = (await replica.status()).kuma;
			const before = { ...replica.environment };

			await replica.kill();
			Object.assign(replica.environment, await change());
			const { kuma } = await runAgain(replica);
			const isLeftBehind = (await readProcess(pid ?? 0)) !== null;
			await replica.stop();
			Object.assign(replica.environment, before);
			await replica.start();

			expect(kuma.pid).not.toBe(pid);
			expect(isLeftBehind).toBe(false);
		},
	);

	test('whatever is written to its socket, Kuma goes on beating and is reloaded as before', async () => {
		const replica = beating.fleet.replicas.sqlite;
		const { kuma } = await replica.status();
		const { agentSocket } = statePaths(replica.dataDirectory);
		expect((await stat(agentSocket)).mode & 0o777).toBe(0o600);
		expect((await stat(dirname(agentSocket))).mode & 0o777).toBe(0o700);

		const crowd = await Promise.all(Array.from({ length: 100 }, () => openAgent(replica)));
		for (const [index, socket] of crowd.entries()) {
			socket.pause();
			socket.write(
				['\0\n{]\n', 'null\n', '{"id":1,"method":"exit"}\n', '{"method":"stop"}\n'][index % 4] ?? '',
			);
		}
		const endless = await openAgent(replica);
		const isCutOff = once(endless, 'close');
		endless.write(Buffer.alloc(AGENT_LINE_BYTES_MAX + 2, 'x'));
		await isCutOff;
		await publishEdit();

		await expectPair('sqlite');
		expect((await replica.status()).kuma).toEqual(kuma);
	});
});
