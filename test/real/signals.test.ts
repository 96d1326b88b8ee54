import { expect, onTestFinished, test } from 'vitest';
import { type Fleet, prepareFleet } from '../kit/fleet.ts';
import { freePort } from '../kit/free-port.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { kumaRows } from '../kit/kuma-rows.ts';
import { startNtfyServer } from '../kit/ntfy-server.ts';
import { restServer } from '../kit/rest-server.ts';
import { waitFor } from '../kit/wait-for.ts';
import { makeWeakRepository } from '../kit/weak-repository.ts';

const TOKEN = 'a-token-for-tests-0123456789';
/** Nothing but a signal can bring it: the poll comes after a day. */
const ARRIVED_MS = 60_000;

interface Signals {
	readonly leader?: Readonly<Record<string, string>>;
	readonly replica?: Readonly<Record<string, string>>;
	/** Behind REST, no folder can be watched. */
	readonly isRemote: boolean;
}

async function startFleet({ leader, replica, isRemote }: Signals): Promise<Fleet<'replica'>> {
	const server = isRemote ? await restServer() : undefined;
	if (server !== undefined) await makeWeakRepository(server.directory);
	const fleet = await prepareFleet({
		...(server === undefined ? {} : { repository: server.location }),
		leader: { database: 'sqlite', environment: { REPLICATOR_NUDGE: 'on', ...leader } },
		replicas: {
			replica: { mode: 'RESTORE', database: 'sqlite', environment: { REPLICATOR_NUDGE: 'on', ...replica } },
		},
	});
	onTestFinished(() => fleet.discard());
	return fleet;
}

/**
 * Sets the leader up, starts the replica, and edits the leader. Nobody asks anybody for a cycle.
 * @returns a client of the leader's Kuma, for more edits.
 */
async function editAndWait(fleet: Fleet<'replica'>): Promise<KumaClient> {
	const { leader } = fleet;
	const { replica } = fleet.replicas;
	await leader.start();
	const client = await KumaClient.connect(leader.url);
	onTestFinished(() => client.close());
	await client.setup('admin', 'secret-12345');
	await leader.waitForStatus('a snapshot with the first user', ({ newest }) => newest !== null);
	await replica.start();
	await replica.waitForStatus('the first snapshot', ({ applied }) => applied !== null);

	await addMonitor({ fleet, client, name: 'Shop' });
	const { kuma, lastError } = await replica.status();
	expect(kuma.restarts).toBe(0);
	expect(lastError).toBeNull();
	return client;
}

/** Adds a monitor at the leader and waits for it to arrive. */
async function addMonitor(edit: {
	fleet: Fleet<'replica'>;
	client: KumaClient;
	name: string;
}): Promise<void> {
	const { fleet, client, name } = edit;
	const { dataDirectory } = fleet.replicas.replica;
	await client.addMonitor({ name, url: 'http://127.0.0.1:9/', active: false });
	const names = async () => (await kumaRows(dataDirectory, 'monitor')).map((row) => row.name);
	await waitFor(async () => (await names()).includes(name), {
		timeoutMs: ARRIVED_MS,
		what: 'the edit on the replica',
	});
}

test('an edit arrives through ntfy alone, with what happened for people on the same topic', async () => {
	const ntfy = await startNtfyServer();
	const environment = { NTFY_URL: `${ntfy.url}/fleet` };

	await editAndWait(await startFleet({ leader: environment, replica: environment, isRemote: true }));

	const told = (message: string | undefined) =>
		message?.startsWith('[replica]') === true && message.includes('monitor "Shop" added');
	await waitFor(() => ntfy.messages.some(({ message }) => told(message)), {
		timeoutMs: ARRIVED_MS,
		what: 'the notice of what was applied',
	});
});

test("an edit arrives through the leader's own events, and its content from the leader itself", async () => {
	const port = await freePort();
	const fleet = await startFleet({
		leader: { REPLICATOR_LISTEN: String(port), REPLICATOR_TOKEN: TOKEN },
		replica: {
			REPLICATOR_LEADER_URL: `http://127.0.0.1:${port}`,
			REPLICATOR_TOKEN: TOKEN,
			REPLICATOR_LOG_LEVEL: 'debug',
		},
		isRemote: true,
	});

	const client = await editAndWait(fleet);
	const { replica } = fleet.replicas;
	// The first one may have come while Kuma still started, and so from the repository.
	await replica.waitForStatus('the snapshot in the repository', ({ applied }) => applied?.id != null);
	await addMonitor({ fleet, client, name: 'Blog' });
	const isToldAsAhead = () =>
		/Applied snapshot [^:]* ahead of the repository\): monitor "Blog" added/.test(replica.log());
	await waitFor(isToldAsAhead, { timeoutMs: ARRIVED_MS, what: 'the apply ahead of the repository' });
	await replica.waitForStatus('the snapshot in the repository', ({ applied }) => applied?.id != null);
	expect((await replica.status()).lagMs).toBe(0);
	const ask = (path: string, token?: string) =>
		fetch(`http://127.0.0.1:${port}${path}`, {
			headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
		});
	expect((await ask('/healthz')).status).toBe(200);
	expect((await ask('/metrics')).status).toBe(401);
	let metrics = '';
	// The replica has it before the leader's own cycle has ended.
	await waitFor(
		async () => {
			metrics = await (await ask('/metrics', TOKEN)).text();
			return /^replicator_kuma_rows\{table="monitor"\} 2$/m.test(metrics);
		},
		{ timeoutMs: ARRIVED_MS, what: 'the rows of the publish in the metrics' },
	);
	expect(metrics).toMatch(
		/^replicator_kuma_restic_call_duration_seconds_count\{.*command="backup".*\} [34]$/m,
	);
	const status = (await (await ask('/api/status', TOKEN)).json()) as { role: string };
	expect(status.role).toBe('leader');
});

test('an edit arrives through a repository in a local folder, without anything else', async () => {
	await editAndWait(await startFleet({ isRemote: false }));
});
