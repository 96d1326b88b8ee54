import { afterAll, beforeAll, expect, test } from 'vitest';
import { readInstallation } from '../../src/kuma/installation.ts';
import { findDifferences } from '../kit/find-differences.ts';
import { type Fleet, prepareFleet } from '../kit/fleet.ts';
import { type HttpTarget, startHttpTarget } from '../kit/http-target.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { kumaInstallation } from '../kit/kuma-installation.ts';
import { NASTY, populateKuma } from '../kit/populate-kuma.ts';
import { type PrivateMariadb, startPrivateMariadb } from '../kit/private-mariadb.ts';
import { waitFor } from '../kit/wait-for.ts';

const SHORTEST_SECONDS = 5;
const ARRIVAL_MS = 90_000;
const TROUBLE = /\[REPLICATOR\] (WARN|ERROR):.*/g;

let target: HttpTarget;
let mariadb: PrivateMariadb;
let fleet: Fleet<'replica'>;
let client: KumaClient;

beforeAll(async () => {
	[target, mariadb] = await Promise.all([startHttpTarget(), startPrivateMariadb()]);
	const intervalSeconds = SHORTEST_SECONDS;
	fleet = await prepareFleet({
		leader: { database: await mariadb.createDatabase('leader'), intervalSeconds },
		replicas: { replica: { mode: 'RESTORE', database: 'sqlite', intervalSeconds } },
	});
	await fleet.leader.start();
	client = await KumaClient.connect(fleet.leader.url);
	await client.setup('admin', 'secret-12345');
	await fleet.leader.waitForStatus('a snapshot with the first user', ({ newest }) => newest !== null);
	await fleet.replicas.replica.start();
});

afterAll(async () => {
	client?.close();
	await fleet?.discard();
	await mariadb?.stop();
	await target?.stop();
});

test('what is set up and edited on a leader on MariaDB arrives on a replica on SQLite by itself', async () => {
	const { leader, replicas } = fleet;
	const { replica } = replicas;
	const { directory } = await kumaInstallation();
	const arrives = () =>
		waitFor(
			async () => {
				const [there, here] = await Promise.all([leader.status(), replica.status()]);
				const isTaken = here.applied !== null && here.applied.digest === there.applied?.digest;
				return isTaken && here.kuma.state === 'running' && (await differences()).length === 0;
			},
			{ timeoutMs: ARRIVAL_MS, what: 'everything of the leader on the replica' },
		).catch(async (cause) => {
			throw new Error(`Different are ${await differences()}; the replica said:\n${replica.log()}`, { cause });
		});
	const differences = () =>
		findDifferences({ leader: leader.dataDirectory, replica: replica.dataDirectory, heldRows: [] });

	const made = await populateKuma(client, { target: target.url, ...(await readInstallation(directory)) });
	await arrives();
	await client.editMonitor(made.monitors.shop, { description: `${NASTY}2` });
	await arrives();

	expect((await replica.status()).heldRows).toEqual([]);
	expect(leader.log().match(TROUBLE) ?? []).toEqual([]);
	expect(replica.log().match(TROUBLE) ?? []).toEqual([]);
});
