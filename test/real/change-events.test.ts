import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { statePaths } from '../../src/instance/state-folder/data-directory.ts';
import { ADMIN, type BeatingFleet, startBeatingFleet } from '../kit/beating-fleet.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { kumaRows } from '../kit/kuma-rows.ts';
import { waitFor } from '../kit/wait-for.ts';

/** Far below the leader's own interval, which is a day here: what is published was noticed. */
const NOTICED_MS = 30_000;
const BEATS_EACH = 4;
const MONITORS = 10;

describe('a leader', () => {
	let beating: BeatingFleet<never>;
	let client: KumaClient;
	let monitorId: number;

	beforeAll(async () => {
		beating = await startBeatingFleet({ intervalSeconds: 2, replicas: {} });
		const { fleet, setMonitors, hitsOf } = beating;
		const ids = await setMonitors(MONITORS);
		monitorId = ids[0] ?? 0;
		// Its Kuma runs them from its next start on.
		const { kuma: before } = await fleet.leader.status();
		process.kill(before.pid ?? 0, 'SIGKILL');
		await fleet.leader.waitForStatus(
			'another Kuma',
			({ kuma }) => kuma.state === 'running' && kuma.pid !== before.pid,
		);
		client = await KumaClient.connect(fleet.leader.url);
		await client.login(ADMIN.username, ADMIN.password);
		await waitFor(() => ids.every((id) => hitsOf(id).length > 1), {
			timeoutMs: 60_000,
			what: 'every monitor beats',
		});
	});

	afterAll(async () => {
		client?.close();
		await beating?.discard();
	});

	/** @returns the tables that the agent tells of from now on. */
	async function listen(): Promise<string[]> {
		const { agentSocket } = statePaths(beating.fleet.leader.dataDirectory);
		const socket = connect(agentSocket);
		onTestFinished(() => {
			socket.destroy();
		});
		await once(socket, 'connect');
		const tables: string[] = [];
		socket.setEncoding('utf8').on('data', (text: string) => {
			for (const [, list = ''] of text.matchAll(/"event":"changed","tables":\[([^\]]*)\]/g))
				tables.push(...list.replaceAll('"', '').split(','));
		});
		return tables;
	}

	const generation = async () => (await beating.fleet.leader.status()).newest?.generation ?? 0;

	test('hears nothing of heartbeats', async () => {
		const heard = await listen();
		const { dataDirectory } = beating.fleet.leader;
		const beats = async () => (await kumaRows(dataDirectory, 'heartbeat')).length;
		const before = await beats();

		await waitFor(async () => (await beats()) >= before + BEATS_EACH * MONITORS, {
			timeoutMs: 60_000,
			what: `${BEATS_EACH} beats of each monitor`,
		});

		expect(heard).toEqual([]);
	});

	const EDITS: readonly (readonly [table: string, edit: () => Promise<unknown>])[] = [
		['monitor', () => client.editMonitor(monitorId, { name: 'Renamed', interval: 20 })],
		['tag', () => client.addTag({ name: 'Region', color: '#2563EB' })],
		['monitor_tag', () => client.addMonitorTag({ tagId: 1, monitorId })],
		[
			'notification',
			() =>
				client.addNotification({
					type: 'webhook',
					name: 'Hook',
					webhookURL: 'http://127.0.0.1:9/',
					webhookContentType: 'json',
				}),
		],
		['proxy', () => client.addProxy({ host: '127.0.0.1', port: 3128 })],
		['docker_host', () => client.addDockerHost({ name: 'Dock', dockerDaemon: 'http://127.0.0.1:2375' })],
		['status_page', () => client.addStatusPage('Services', 'services')],
		[
			'group',
			() =>
				client.saveStatusPage(
					'services',
					{},
					{ groups: [{ name: 'Web', monitorList: [{ id: monitorId }] }] },
				),
		],
		['incident', () => client.addIncident('services', { title: 'Down', content: 'It is down.' })],
		['maintenance', () => client.addMaintenance({ title: 'Works' })],
		['api_key', () => client.addApiKey({ name: 'Key' })],
		[
			'user',
			() =>
				client.call('changePassword', {
					currentPassword: ADMIN.password,
					newPassword: 'changed-12345',
				}),
		],
	];

	test.each(EDITS.map(([table]) => table))('publishes a change of the table %s by itself', async (table) => {
		const heard = await listen();
		const before = await generation();

		await EDITS.find(([name]) => name === table)?.[1]();

		await waitFor(async () => (await generation()) > before, {
			timeoutMs: NOTICED_MS,
			what: `a snapshot after a change of ${table}; heard of ${heard.join(', ')}`,
		});
		expect(heard).toContain(table);
	});
});
