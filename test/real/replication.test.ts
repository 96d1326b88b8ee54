import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CATALOG } from '../../src/catalog/index.ts';
import { readInstallation } from '../../src/kuma/installation.ts';
import type { DatabaseKind } from '../../src/model/row.ts';
import type { Status } from '../../src/model/status.ts';
import { DATABASE_KINDS, forEachKind } from '../kit/database-kinds.ts';
import { findDifferences } from '../kit/find-differences.ts';
import { type Fleet, prepareFleet } from '../kit/fleet.ts';
import { type HttpTarget, startHttpTarget } from '../kit/http-target.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { kumaInstallation } from '../kit/kuma-installation.ts';
import { kumaRows } from '../kit/kuma-rows.ts';
import { BLUE_PNG, NASTY, type Populated, populateKuma, RED_PNG } from '../kit/populate-kuma.ts';
import type { Replicator } from '../kit/replicator.ts';
import { useMariadb } from '../kit/use-mariadb.ts';
import { waitFor } from '../kit/wait-for.ts';

const LOCAL_ENTITIES = CATALOG.flatMap(({ name, isLocalEntity }) => (isLocalEntity === true ? [name] : []));
const BEAT_MS = 60_000;
const TROUBLE = /\[REPLICATOR\] (WARN|ERROR):.*/g;

let password = 'secret-12345';

/** One fleet for all of these tests, each of which goes on from where the one before has left it. */
describe('a leader, a replica on SQLite and one on MariaDB that keeps its local entities', () => {
	let target: HttpTarget;
	const mariadb = useMariadb();
	let fleet: Fleet<DatabaseKind>;
	/** Logged in on the leader. */
	let client: KumaClient;
	let made: Populated;
	/** KUMA_DIR_REPLICA may name another release for the replicas: what it cannot hold, it must name. */
	let isSameVersion: boolean;

	beforeAll(async () => {
		const leader = await kumaInstallation();
		const replica = await kumaInstallation(process.env.KUMA_DIR_REPLICA || undefined);
		isSameVersion = leader.version === replica.version;
		target = await startHttpTarget();
		fleet = await prepareFleet({
			leader: { database: 'sqlite', installation: leader },
			replicas: await forEachKind(async (kind) => ({
				mode: kind === 'mariadb' ? 'RESTORE_LOCAL_ENTITY_REPLICATION' : 'RESTORE',
				database: kind === 'mariadb' ? await mariadb.createDatabase('replica') : kind,
				installation: replica,
			})),
		});
		await fleet.leader.start();
		client = await KumaClient.connect(fleet.leader.url);
		await client.setup('admin', password);
		await fleet.leader.waitForStatus('a snapshot with the first user', ({ newest }) => newest !== null);
		made = await populateKuma(client, {
			target: target.url,
			...(await readInstallation(leader.directory)),
		});
	});

	afterAll(async () => {
		client?.close();
		await fleet?.discard();
		await target?.stop();
	});

	async function expectInStep(
		statuses: readonly Status[],
		exceptions: { localEntities?: true } = {},
	): Promise<void> {
		for (const [index, name] of DATABASE_KINDS.entries()) {
			const status = statuses[index];
			expect(status?.lastError, name).toBeNull();
			if (isSameVersion) expect(status?.heldRows, name).toEqual([]);
			expect(
				await findDifferences({
					leader: fleet.leader.dataDirectory,
					replica: fleet.replicas[name].dataDirectory,
					heldRows: status?.heldRows ?? [],
					isExpected: ({ table }) =>
						exceptions.localEntities === true && name === 'mariadb' && LOCAL_ENTITIES.includes(table),
				}),
				name,
			).toEqual([]);
			expect(fleet.replicas[name].log().match(TROUBLE) ?? [], fleet.replicas[name].log()).toEqual([]);
		}
		expect(fleet.leader.log().match(TROUBLE) ?? [], fleet.leader.log()).toEqual([]);
	}

	async function withLogin<Result>(
		{ url }: Replicator,
		use: (client: KumaClient) => Promise<Result>,
	): Promise<Result> {
		const there = await KumaClient.connect(url);
		try {
			await there.login('admin', password);
			return await use(there);
		} finally {
			there.close();
		}
	}

	/** What a page shows of the monitors. */
	async function shownMonitors(there: KumaClient) {
		return [...(await there.monitorList())].map(([id, { name, type, parent, interval }]) => ({
			id,
			name,
			type,
			parent,
			interval,
		}));
	}

	async function expectShownAlike(statuses: readonly Status[]): Promise<void> {
		const onLeader = await shownMonitors(client);
		for (const [index, name] of DATABASE_KINDS.entries()) {
			const held = (statuses[index]?.heldRows ?? [])
				.filter(({ table, how }) => table === 'monitor' && how === 'held')
				.map(({ key }) => Number(key));
			expect(await withLogin(fleet.replicas[name], shownMonitors), name).toEqual(
				onLeader.filter(({ id }) => !held.includes(id)),
			);
		}
	}

	async function beats(name: DatabaseKind, monitorId: number) {
		const rows = await kumaRows(fleet.replicas[name].dataDirectory, 'heartbeat');
		return rows
			.filter((row) => row.monitor_id === monitorId)
			.map(({ id, time, status }) => ({ id, time, status }));
	}

	test('fresh replicas without a user take over everything that was set up on the leader', async () => {
		await fleet.publish();
		await Promise.all(DATABASE_KINDS.map((name) => fleet.replicas[name].start()));

		const statuses = await fleet.follow();

		await expectInStep(statuses);
		for (const name of DATABASE_KINDS) {
			const replica = fleet.replicas[name];
			expect(await withLogin(replica, (there) => there.needsSetup())).toBe(false);
			const { kuma } = await replica.status();
			expect(kuma.restarts, name).toBe(0);
		}
		await expectShownAlike(statuses);
	});

	test('what people see of a replica from outside is what they see of the leader', async () => {
		for (const { url } of Object.values(fleet.replicas)) {
			const page = (await (await fetch(`${url}/api/status-page/services`)).json()) as {
				config: { icon: string; description: string };
				publicGroupList: { name: string; monitorList: { name: string }[] }[];
			};
			expect(page.config.description).toBe(NASTY);
			expect(
				page.publicGroupList.map(({ name, monitorList }) => [name, monitorList.map((m) => m.name)]),
			).toEqual([
				['Web', ['Shop', 'Steady']],
				[NASTY, ['Doomed']],
			]);
			const icon = await fetch(`${url}${page.config.icon}`);
			expect(Buffer.from(await icon.arrayBuffer()).toString('base64')).toBe(RED_PNG);
			const metrics = await fetch(`${url}/metrics`, {
				headers: { authorization: `Basic ${Buffer.from(`:${made.apiKey.key}`).toString('base64')}` },
			});
			expect(metrics.status).toBe(200);
		}
	});

	test('an edit of everything arrives, and monitors that were not touched keep their history', async () => {
		const { monitors, tags, groups } = made;
		const isBeating = async (name: DatabaseKind) =>
			(await beats(name, monitors.steady)).length > 0 && (await beats(name, monitors.doomed)).length > 0;
		for (const name of DATABASE_KINDS)
			await waitFor(() => isBeating(name), { timeoutMs: BEAT_MS, what: `heartbeats on ${name}` });
		const history = new Map<string, unknown[]>();
		for (const name of DATABASE_KINDS) history.set(name, await beats(name, monitors.steady));

		await client.editMonitor(monitors.shop, { name: 'Web shop', parent: monitors.offices, maxretries: 3 });
		await client.pauseMonitor(monitors.proxied);
		await client.deleteMonitor(monitors.doomed);
		await client.addMonitor({ name: 'New', url: target.url, interval: 20, parent: monitors.berlin });
		await client.deleteTag(tags.team);
		await client.addNotification(
			{ type: 'webhook', name: 'Other hook', webhookURL: 'http://127.0.0.1:9/', isDefault: true },
			made.notification,
		);
		await client.addProxy({ host: '127.0.0.2', port: 3129 }, made.proxy);
		await client.addDockerHost({ name: 'Dock 2', dockerDaemon: 'http://127.0.0.2:2375' }, made.dockerHost);
		await client.saveStatusPage(
			'services',
			{ slug: 'renamed', domainNameList: ['a.example.org', 'b.example.org'] },
			{ image: `data:image/png;base64,${BLUE_PNG}`, groups: groups.slice(0, 1) },
		);
		await client.addIncident('renamed', { title: 'Over', content: 'It is over.', style: 'primary' });
		await client.deleteStatusPage('internal');
		await client.deleteMaintenance(made.maintenance);
		await client.deleteApiKey(made.apiKey.id);
		await client.call('changePassword', { currentPassword: password, newPassword: 'changed-12345' });
		password = 'changed-12345';
		await fleet.publish();
		const statuses = await fleet.follow();

		await expectInStep(statuses, { localEntities: true });
		for (const name of DATABASE_KINDS) {
			expect((await beats(name, monitors.steady)).slice(0, history.get(name)?.length)).toEqual(
				history.get(name),
			);
			expect(await beats(name, monitors.doomed)).toEqual([]);
			const replica = fleet.replicas[name];
			const [page] = await kumaRows(replica.dataDirectory, 'status_page');
			const image = await readFile(join(replica.dataDirectory, `upload/logo${page?.id}.png`), 'base64');
			expect(image).toBe(BLUE_PNG);
		}
		await expectShownAlike(statuses);
	});

	test('where nothing is to be applied, nothing is touched', async () => {
		for (const name of DATABASE_KINDS) {
			const replica = fleet.replicas[name];
			const before = await replica.status();

			replica.wake();
			const looked = await replica.waitForStatus(
				'a cycle at once',
				({ lastCycle }) => lastCycle?.finishedAt !== before.lastCycle?.finishedAt,
			);
			const planned = await replica.run('restore');

			expect(looked.lastCycle?.outcome).toBe('up-to-date');
			expect(planned.exitCode).toBe(0);
			const after = await replica.status();
			expect(after.lastCycle?.outcome).toBe('unchanged');
			expect(after.kuma).toEqual({ ...before.kuma, beats: expect.anything() });
		}
	});

	test('an edit made on a replica is gone after its restart, except for a local entity that it may keep', async () => {
		for (const name of DATABASE_KINDS) {
			await withLogin(fleet.replicas[name], async (there) => {
				await there.editMonitor(made.monitors.steady, { name: 'Edited here' });
				await there.addMonitor({ name: 'Added here', url: target.url, active: false });
				await there.deleteTag(made.tags.region);
				await there.addProxy({ host: '127.0.0.9', port: 9 }, made.proxy);
			});
		}

		const replicas = Object.values(fleet.replicas);
		expect(await Promise.all(replicas.map((replica) => replica.stop()))).toEqual(replicas.map(() => 0));
		await Promise.all(replicas.map((replica) => replica.start()));

		await expectInStep(await fleet.follow(), { localEntities: true });
		// The leader's own edits of a local entity do not come over either: it is the replica's, once it is there.
		const hosts = async (name: DatabaseKind) =>
			(await kumaRows(fleet.replicas[name].dataDirectory, 'proxy')).map(({ host }) => host);
		for (const kind of DATABASE_KINDS)
			expect(await hosts(kind)).toEqual([kind === 'mariadb' ? '127.0.0.9' : '127.0.0.2']);
	});

	test('on SIGTERM the leader publishes what is pending, and a replica takes it at once on SIGUSR1', async () => {
		const before = await fleet.leader.status();
		await client.addMonitor({ name: 'Last minute', url: target.url, active: false });
		client.close();

		expect(await fleet.leader.stop()).toBe(0);

		const replica = fleet.replicas.sqlite;
		replica.wake();
		const { applied } = await replica.waitForStatus(
			'the last snapshot of the leader',
			({ applied: position }) => (position?.generation ?? 0) > (before.newest?.generation ?? 0),
		);
		expect(applied?.generation).toBe((before.newest?.generation ?? 0) + 1);
		const names = (await kumaRows(replica.dataDirectory, 'monitor')).map(({ name }) => name);
		expect(names).toContain('Last minute');
	});
});
