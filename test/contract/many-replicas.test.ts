import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { startDatabaseFleet } from '../kit/database-fleet.ts';
import { unpackSqlite } from '../kit/fixtures.ts';
import { freePort } from '../kit/free-port.ts';
import { lastingRows } from '../kit/lasting-rows.ts';
import { restServer } from '../kit/rest-server.ts';
import { waitFor } from '../kit/wait-for.ts';
import { makeWeakRepository } from '../kit/weak-repository.ts';

const REPLICAS = 20;
const EDITS = 5;
const EVERYBODY_MS = 180_000;
const FIXTURE = 'plain-2.3.2.sqlite.db.gz';
/** The only thing that is edited, so that it tells how far somebody is. */
const TITLE = 'SELECT name FROM monitor ORDER BY id LIMIT 1';

function sqlite<Result>(directory: string, use: (database: DatabaseSync) => Result): Result {
	const database = new DatabaseSync(join(directory, 'kuma.db'), { timeout: 10_000 });
	try {
		return use(database);
	} finally {
		database.close();
	}
}

const titleOf = ({ dataDirectory }: { readonly dataDirectory: string }) =>
	sqlite(dataDirectory, (database) => database.prepare(TITLE).get()?.name);

test(`${REPLICAS} replicas of one repository follow edit after edit, and all end with the leader's rows`, {
	timeout: 2 * EVERYBODY_MS,
}, async () => {
	const server = await restServer();
	await makeWeakRepository(server.directory);
	const port = await freePort();
	const token = 'a-token-for-tests-0123456789';
	const fleet = await startDatabaseFleet({
		replicaCount: REPLICAS,
		repository: server.location,
		makeDatabase: (directory) => unpackSqlite(FIXTURE, directory),
		leader: { REPLICATOR_LISTEN: `127.0.0.1:${port}`, REPLICATOR_TOKEN: token },
		replica: {
			REPLICATOR_PUSH_MONITORS: 'run',
			REPLICATOR_LEADER_URL: `http://127.0.0.1:${port}`,
			REPLICATOR_TOKEN: token,
		},
	});
	onTestFinished(() => fleet.discard());
	const { leader, replicas } = fleet;

	// The next edit comes as soon as anybody has the one before: the others catch up, or skip it.
	for (let edit = 1; edit <= EDITS; edit += 1) {
		const title = `Edit ${edit}`;
		sqlite(leader.dataDirectory, (database) =>
			database.prepare(`UPDATE monitor SET name = ? WHERE name = (${TITLE})`).run(title),
		);
		leader.wake();
		await waitFor(() => replicas.some((replica) => titleOf(replica) === title), {
			timeoutMs: EVERYBODY_MS,
			what: `somebody has "${title}"`,
		});
	}
	await waitFor(() => replicas.every((replica) => titleOf(replica) === `Edit ${EDITS}`), {
		timeoutMs: EVERYBODY_MS,
		what: 'everybody has the last edit',
	});

	const rowsOf = ({ dataDirectory }: { readonly dataDirectory: string }) =>
		lastingRows({ type: 'sqlite', path: join(dataDirectory, 'kuma.db') });
	const wanted = await rowsOf(leader);
	expect(wanted.get('monitor')?.length).toBeGreaterThan(0);
	for (const replica of replicas) expect(await rowsOf(replica)).toEqual(wanted);
	expect(replicas.map((replica) => replica.complaints())).toEqual(replicas.map(() => ''));
});
