import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { statePaths } from '../../src/instance/state-folder/data-directory.ts';
import { FAKED_COMMAND, fakedReplicator } from '../kit/faked-replicator.ts';
import { freePort } from '../kit/free-port.ts';
import type { Replicator } from '../kit/replicator.ts';
import { type RestServer, restServer } from '../kit/rest-server.ts';
import { waitFor } from '../kit/wait-for.ts';
import { makeWeakRepository } from '../kit/weak-repository.ts';

const FIXTURE = 'plain-2.3.2.sqlite.db.gz';
const WRITES = /^\/(?:data|index|snapshots)\//;
/** Told of each apply, it need not be restarted. */
const COMMAND = [...FAKED_COMMAND, '--agent'];
const TOKEN = 'a-token-for-tests-0123456789';
/** restic tries again for some time before it gives a storage up, and whoever failed waits before the next attempt. */
const ARRIVED_MS = 90_000;

/** `replicator-kuma run` as a leader and two replicas that listen to it, around a storage that can go away. */
async function startListening(more: Readonly<Record<string, string>> = {}) {
	const server = await restServer();
	await makeWeakRepository(server.directory);
	const port = await freePort();
	const shared = { REPLICATOR_TOKEN: TOKEN, REPLICATOR_PUSH_MONITORS: 'run', ...more };
	const leaderUrl = `http://127.0.0.1:${port}`;
	const listen = `127.0.0.1:${port}`;
	const repository = server.location;
	const leader = await fakedReplicator({
		mode: 'BACKUP',
		command: COMMAND,
		fixture: FIXTURE,
		repository,
		environment: { ...shared, REPLICATOR_LISTEN: listen },
	});
	await leader.start();
	await leader.waitForStatus('the first snapshot', ({ newest }) => newest !== null);
	const replicas = await Promise.all(
		[1, 2].map(async () => {
			const environment = { ...shared, REPLICATOR_LEADER_URL: leaderUrl };
			const replica = await fakedReplicator({
				mode: 'RESTORE',
				command: COMMAND,
				fixture: FIXTURE,
				repository,
				environment,
			});
			await replica.start();
			await replica.waitForStatus(
				'the first snapshot, and the leader',
				({ applied, leader: heard }) => applied?.id != null && heard?.isConnected === true,
			);
			return replica;
		}),
	);
	// The key for what the leader hands over comes from the repository.
	edit(leader, { name: 'Before' });
	await arrived(replicas, { name: 'Before' });
	await Promise.all(replicas.map((replica) => isOnRecord(replica, leader)));
	const [replica, other] = replicas as [Replicator, Replicator];
	return { server, leader, replica, other, replicas, listen };
}

function sqlite<Result>({ dataDirectory }: Replicator, use: (database: DatabaseSync) => Result): Result {
	const database = new DatabaseSync(join(dataDirectory, 'kuma.db'), { timeout: 10_000 });
	try {
		return use(database);
	} finally {
		database.close();
	}
}

type Monitor = Readonly<Record<string, string | number>>;

/** What a person changes in Kuma, whether a replicator-kuma runs beside it or not. */
function change(member: Replicator, values: Monitor): void {
	const set = Object.keys(values).map((column) => `${column} = ?`);
	sqlite(member, (database) =>
		database.prepare(`UPDATE monitor SET ${set.join(', ')} WHERE id = 4`).run(...Object.values(values)),
	);
}

function edit(leader: Replicator, values: Monitor): void {
	change(leader, values);
	leader.wake();
}

const monitorOf = (member: Replicator): Monitor =>
	sqlite(member, (database) => ({
		...(database.prepare('SELECT name, active FROM monitor WHERE id = 4').get() as Monitor),
	}));

/** Waits until everybody has these values. */
async function arrived(
	members: readonly Replicator[],
	values: Monitor,
	timeoutMs = ARRIVED_MS,
): Promise<void> {
	const has = (member: Replicator) => {
		const found = monitorOf(member);
		return Object.entries(values).every(([column, value]) => found[column] === value);
	};
	await waitFor(() => members.every(has), { timeoutMs, what: JSON.stringify(values) });
}

/** Waits until a replica has what the leader has, out of the repository. */
async function isOnRecord(replica: Replicator, leader: Replicator): Promise<void> {
	await arrived([replica], monitorOf(leader));
	// Replicas apply an edit after it is written down here, and it stays there until the repository has it. What the
	// leader's status says comes later.
	const { stateFile } = statePaths(leader.dataDirectory);
	const isPublished = async () => {
		const { announced, position } = JSON.parse(await readFile(stateFile, 'utf8'));
		const { applied } = await replica.status();
		return announced === null && applied?.id != null && applied.id === position.id;
	};
	await waitFor(isPublished, {
		timeoutMs: ARRIVED_MS,
		what: 'what is applied is in the repository',
	}).catch(async (cause) => {
		const state = await readFile(stateFile, 'utf8');
		throw new Error(`the leader's state is ${state}, and it said:\n${leader.log()}`, { cause });
	});
}

function cutOff(server: RestServer): void {
	server.intercept = (_request, response) => {
		response.destroy();
		return true;
	};
}

/** The storage answers, and takes no snapshot: restic goes on trying. */
function refuseWrites(server: RestServer): void {
	server.intercept = ({ method, url = '' }, response) => {
		if (method !== 'POST' || !WRITES.test(url)) return false;
		response.destroy();
		return true;
	};
}

function mend(server: RestServer): void {
	server.intercept = () => false;
}

test('edits arrive while the storage cannot be reached, each in the place of the one before', async () => {
	const { server, leader, replicas } = await startListening();
	cutOff(server);

	edit(leader, { active: 0 });
	await arrived(replicas, { active: 0 });
	edit(leader, { active: 1 });
	await arrived(replicas, { active: 1 });
	for (const name of ['First', 'Second', 'Third']) {
		edit(leader, { name });
		await arrived(replicas, { name });
	}
	const [ahead] = await Promise.all(replicas.map((replica) => replica.status()));
	const shown = await replicas[0]?.run('status');
	mend(server);
	for (const member of [leader, ...replicas]) member.wake();
	await Promise.all(replicas.map((replica) => isOnRecord(replica, leader)));

	expect(ahead?.applied).toMatchObject({ id: null, since: expect.any(String) });
	expect(shown?.stdout).toMatch(/ahead of the repository since \d{4}-/);
	expect(replicas.map(monitorOf)).toEqual(replicas.map(() => monitorOf(leader)));
}, 300_000);

test('an edit does not wait for old snapshots to be forgotten, which happens behind it', async () => {
	const { server, leader, replicas } = await startListening({
		REPLICATOR_RETENTION: 'last=1,days=0,months=0',
	});
	const held: string[] = [];
	server.intercept = ({ method, url = '' }) => {
		const isForgetting = method === 'DELETE' && /^\/snapshots\//.test(url);
		// It is never answered.
		if (isForgetting) held.push(url);
		return isForgetting;
	};
	edit(leader, { name: 'First' });
	await waitFor(() => held.length > 0, { timeoutMs: ARRIVED_MS, what: 'old snapshots are forgotten' });

	edit(leader, { name: 'Second' });
	await Promise.all(replicas.map((replica) => isOnRecord(replica, leader)));
	mend(server);
	edit(leader, { name: 'Third' });
	await Promise.all(replicas.map((replica) => isOnRecord(replica, leader)));

	expect(replicas.map(monitorOf)).toEqual(replicas.map(() => expect.objectContaining({ name: 'Third' })));
	await waitFor(() => leader.log().includes('Forgot old snapshots'), {
		timeoutMs: ARRIVED_MS,
		what: 'old snapshots are forgotten in the end',
	});
	expect(leader.log()).not.toContain('could not be forgotten');
}, 300_000);

test('an edit does not wait for the publish of the one before, which the storage holds up', async () => {
	const { server, leader, replicas } = await startListening();
	server.intercept = ({ method, url = '' }) => method === 'POST' && WRITES.test(url);

	edit(leader, { name: 'First' });
	await arrived(replicas, { name: 'First' });
	edit(leader, { name: 'Second' });
	await arrived(replicas, { name: 'Second' });
	mend(server);
	edit(leader, { name: 'Third' });
	await Promise.all(replicas.map((replica) => isOnRecord(replica, leader)));

	expect(replicas.map(monitorOf)).toEqual(replicas.map(() => expect.objectContaining({ name: 'Third' })));
	expect((await leader.status()).lastError).toBeNull();
}, 300_000);

test('an edit does not wait for replicas that wait for the storage', async () => {
	const { server, leader, replicas } = await startListening();
	const held: string[] = [];
	server.intercept = ({ method, url = '' }) => {
		const isListing = method === 'GET' && /^\/snapshots\//.test(url);
		// It is never answered.
		if (isListing) held.push(url);
		return isListing;
	};
	for (const replica of replicas) replica.wake();
	await waitFor(() => held.length >= replicas.length, { timeoutMs: ARRIVED_MS, what: 'the replicas look' });

	edit(leader, { name: 'Handed over' });
	// Before restic is given up, which it is after a minute.
	await arrived(replicas, { name: 'Handed over' }, 40_000);

	mend(server);
	for (const member of [leader, ...replicas]) member.wake();
	await Promise.all(replicas.map((replica) => isOnRecord(replica, leader)));
	for (const replica of replicas) expect((await replica.status()).lastError).toBeNull();
}, 300_000);

test('a leader that was killed between announcement and publish closes it at its next start', async () => {
	const { server, leader, replicas } = await startListening();
	refuseWrites(server);
	edit(leader, { active: 0 });
	await arrived(replicas, { active: 0 });

	await leader.kill();
	change(leader, { active: 1 });
	mend(server);
	await leader.start();
	await arrived(replicas, { active: 1 });

	await Promise.all(replicas.map((replica) => isOnRecord(replica, leader)));
	expect((await leader.status()).lastError).toBeNull();
}, 300_000);

test('a replica that is ahead of a leader that died goes back when another one leads at its address', async () => {
	const { server, leader, replica, other: heir, listen } = await startListening();
	// It does not hear of the edit.
	await heir.stop();
	refuseWrites(server);
	edit(leader, { active: 0 });
	await arrived([replica], { active: 0 });
	await leader.kill();
	mend(server);

	Object.assign(heir.environment, { REPLICATOR_MODE: 'BACKUP', REPLICATOR_LISTEN: listen });
	delete heir.environment.REPLICATOR_LEADER_URL;
	await heir.start();
	await arrived([replica], { active: 1 });

	await isOnRecord(replica, heir);
	edit(heir, { name: 'Of the heir' });
	await arrived([replica], { name: 'Of the heir' });
	await isOnRecord(replica, heir);
}, 300_000);
