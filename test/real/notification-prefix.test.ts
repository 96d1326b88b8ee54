import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../src/model/database.ts';
import { makeCertificate } from '../kit/certificate.ts';
import type { HttpRecorder } from '../kit/http-recorder.ts';
import type { KumaClient } from '../kit/kuma-client.ts';
import { kumaInstallation } from '../kit/kuma-installation.ts';
import { openKumaDatabase } from '../kit/open-kuma-database.ts';
import { type SmtpSink, startSmtpSink } from '../kit/smtp-sink.ts';
import { waitFor } from '../kit/wait-for.ts';
import { SOON_MS, startWatchedFleet, type WatchedFleet } from '../kit/watched-fleet.ts';

const installation = await kumaInstallation();
/** Releases before 2.1 do not. */
const watchesDomains = existsSync(join(installation.directory, 'server/model/domain_expiry.js'));

/**
 * Where each of these sends to. Several ignore the message that they are given, and print only the monitor's name or
 * path; some have an address of their own that nobody can change.
 */
const PROVIDERS: Readonly<
	Record<string, { readonly to: string; readonly fields: Readonly<Record<string, unknown>> }>
> = {
	webhook: {
		to: 'http://hook.test/',
		fields: { webhookURL: 'http://hook.test/', webhookContentType: 'json' },
	},
	discord: {
		to: 'http://discord.test/',
		fields: { discordWebhookUrl: 'http://discord.test/x', discordMessageFormat: 'minimalist' },
	},
	mattermost: {
		to: 'http://mattermost.test/',
		fields: { mattermostWebhookUrl: 'http://mattermost.test/', mattermosticonemo: '' },
	},
	slack: {
		to: 'http://slack.test/',
		fields: { slackwebhookURL: 'http://slack.test/', slackrichmessage: true },
	},
	teams: { to: 'http://teams.test/', fields: { webhookUrl: 'http://teams.test/' } },
	lunasea: { to: 'https://notify.lunasea.app/', fields: { lunaseaTarget: 'user', lunaseaUserID: 'u' } },
	line: { to: 'https://api.line.me/', fields: { lineChannelAccessToken: 't', lineUserID: 'u' } },
	HeiiOnCall: {
		to: 'https://heiioncall.com/',
		fields: { heiiOnCallApiKey: 'k', heiiOnCallTriggerId: 't' },
	},
	OneChat: {
		to: 'https://chat-api.one.th/',
		fields: { accessToken: 't', recieverId: 'r', botId: 'b' },
	},
};

describe('every notification says which instance speaks', () => {
	let watched: WatchedFleet;
	let sink: SmtpSink;
	let secure: Server;
	let directory: string;
	let monitor: number;
	let providers: string[];
	const notifications: Record<string, number> = {};
	const downHosts = new Set<string>();

	beforeAll(async () => {
		const { version } = await kumaInstallation();
		// The pre-release does not know these yet.
		const later = version === '2.0.0-dev.0' ? ['OneChat', 'HeiiOnCall'] : [];
		providers = Object.keys(PROVIDERS).filter((name) => !later.includes(name));
		directory = await mkdtemp(join(tmpdir(), 'replicator-kuma-certificate-'));
		const { cert, key } = await makeCertificate(directory, 3);
		secure = createServer({ cert: await readFile(cert), key: await readFile(key) }, (_request, response) =>
			response.end('up'),
		).listen(0, '127.0.0.1');
		await once(secure, 'listening');
		sink = await startSmtpSink();
		watched = await startWatchedFleet({
			answer: ({ url }) => (downHosts.has(new URL(url).hostname) ? { status: 503 } : null),
			leaderEnvironment: { REPLICATOR_NOTIFICATION_PREFIX: '' },
			replicaEnvironment: { NODE_EXTRA_CA_CERTS: cert },
			prepare: async (leader) => {
				for (const type of providers) notifications[type] = await add(leader, type);
				notifications.smtp = await leader.addNotification({
					type: 'smtp',
					name: 'Mail',
					smtpHost: '127.0.0.1',
					smtpPort: sink.port,
					smtpSecure: false,
					smtpFrom: 'kuma@example.org',
					smtpTo: 'ops@example.org',
				});
				monitor = await leader.addMonitor({
					name: 'API',
					url: 'http://api.test/',
					interval: 20,
					maxretries: 0,
					notificationIDList: Object.fromEntries(Object.values(notifications).map((id) => [id, true])),
				});
			},
		});
		await watched.hasten(monitor, 1);
		await watched.change(() => Promise.resolve());
		for (const { nextBeat } of watched.replicas) await nextBeat(monitor);
	});
	afterAll(async () => {
		await watched?.discard();
		await sink?.stop();
		secure?.close();
		if (directory !== undefined) await rm(directory, { recursive: true, force: true });
	});

	function add(
		leader: KumaClient,
		type: string,
		fields: Readonly<Record<string, unknown>> = {},
	): Promise<number> {
		return leader.addNotification({ type, name: type, ...PROVIDERS[type]?.fields, ...fields });
	}

	/** Waits until a provider has been sent one more. @returns what it was sent. */
	async function nextTo(recorder: HttpRecorder, to: string, before: number): Promise<string> {
		const sent = () => recorder.to(to).filter(({ method }) => method === 'POST');
		await waitFor(() => sent().length > before, { timeoutMs: SOON_MS, what: `a notification to ${to}` });
		return sent()[before]?.body ?? '';
	}
	const countTo = (recorder: HttpRecorder, to: string) =>
		recorder.to(to).filter(({ method }) => method === 'POST').length;

	/** What all providers get when something happens, on every replica. */
	async function expectPrefixed(act: () => void, providersSubject: RegExp) {
		const before = watched.replicas.map(({ recorder }) =>
			providers.map((type) => countTo(recorder, PROVIDERS[type]?.to ?? '')),
		);
		const mailsBefore = sink.mails.length;
		act();
		for (const [index, { name, recorder }] of watched.replicas.entries()) {
			for (const [at, type] of providers.entries()) {
				const body = await nextTo(recorder, PROVIDERS[type]?.to ?? '', before[index]?.[at] ?? 0);
				expect(body, `${type} on ${name}`).toContain(`[${name}]`);
			}
			const subject = () =>
				sink.mails.slice(mailsBefore).find((mail) => mail.subject.startsWith(`[${name}] `))?.subject;
			await waitFor(() => subject() !== undefined, { timeoutMs: SOON_MS, what: `a mail of ${name}` });
			expect(subject()).toMatch(providersSubject);
		}
	}

	test('that a monitor is down, and up again, in every provider', async () => {
		await expectPrefixed(() => downHosts.add('api.test'), /^\[\w+\] \[API\] \[🔴 Down\] /);
		await expectPrefixed(() => downHosts.delete('api.test'), /^\[\w+\] \[API\] \[✅ Up\] /);
		expect(await watched.troubles()).toEqual([]);
	});

	test('with an empty prefix, as on this leader, Kuma says what it says anyway', async () => {
		const hook = await waitForHook(watched.leaderRecorder);

		expect(JSON.parse(hook)).toMatchObject({ monitor: { name: 'API' } });
		expect(hook).not.toContain('[leader]');
	});

	test('that a certificate runs out', async () => {
		const { port } = secure.address() as AddressInfo;
		await watched.change((leader) =>
			leader.addMonitor({
				name: 'Secure',
				url: `https://127.0.0.1:${port}/`,
				interval: 3600,
				expiryNotification: true,
				notificationIDList: { [notifications.webhook ?? 0]: true },
			}),
		);

		for (const { name, recorder } of watched.replicas) {
			const wanted = new RegExp(`^\\[${name}\\] \\[Secure\\].* certificate shop\\.test will (be )?expire`);
			const messages = () => recorder.to('http://hook.test/').map(({ body }) => String(JSON.parse(body).msg));
			const isThere = () => messages().some((message) => wanted.test(message));
			await waitFor(isThere, { timeoutMs: SOON_MS, what: `a notification of ${name}` });
		}
		expect(await watched.troubles()).toEqual([]);
	});

	if (watchesDomains)
		test('that a domain runs out', async () => {
			const inDays = (days: number) =>
				new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 19).replace('T', ' ');
			for (const { replicator } of watched.replicas) {
				await withDatabase(replicator.dataDirectory, (database) =>
					database.write(async (writer) => {
						const declared = (await writer.schema()).tables.get('domain_expiry')?.columns ?? [];
						const values: Readonly<Record<string, string>> = {
							domain: 'example.com',
							expiry: inDays(3),
							last_check: inDays(0),
						};
						const columns = declared.filter(({ name }) => name in values);
						const row = columns.map(({ name }) => values[name] ?? null);
						await writer.insert({ table: 'domain_expiry', columns, rows: [row] });
					}),
				);
			}

			await watched.change((leader) =>
				leader.addMonitor({
					name: 'Domain',
					url: 'http://www.example.com/',
					interval: 3600,
					domainExpiryNotification: true,
					notificationIDList: { [notifications.webhook ?? 0]: true },
				}),
			);

			for (const { name, recorder } of watched.replicas) {
				const wanted = `[${name}] Domain name example.com will expire in `;
				const messages = () =>
					recorder.to('http://hook.test/').map(({ body }) => String(JSON.parse(body).msg));
				const isThere = () => messages().some((message) => message.startsWith(wanted));
				await waitFor(isThere, { timeoutMs: SOON_MS, what: `a notification of ${name}` });
			}
			expect(await watched.troubles()).toEqual([]);
		});

	test('a test of a notification', async () => {
		for (const { name, page, recorder } of watched.replicas) {
			for (const type of providers) {
				const { to = '', fields } = PROVIDERS[type] ?? {};
				const before = countTo(recorder, to);
				await page.call('testNotification', { type, name: type, ...fields });
				expect(await nextTo(recorder, to, before), `${type} on ${name}`).toContain(`[${name}]`);
			}
		}
		expect(await watched.troubles()).toEqual([]);
	});

	test('a changed notification is used at the next alert, and an added one as well', async () => {
		for (const { page } of watched.replicas) page.takePushes();

		await watched.change(async (leader) => {
			const { id } = { id: notifications.webhook ?? 0 };
			await leader.addNotification(
				{ type: 'webhook', name: 'webhook', webhookURL: 'http://hook-two.test/', webhookContentType: 'json' },
				id,
			);
			const added = await add(leader, 'webhook', { name: 'added', webhookURL: 'http://hook-three.test/' });
			const { notificationIDList } = await leader.monitor(monitor);
			await leader.editMonitor(monitor, {
				interval: 20,
				retryInterval: 20,
				notificationIDList: { ...(notificationIDList as object), [added]: true },
			});
			await watched.hasten(monitor, 1);
		});
		for (const { page } of watched.replicas) {
			const list = page.takePushes().findLast(({ event }) => event === 'notificationList')?.values[0];
			expect(JSON.stringify(list)).toContain('hook-three.test');
		}
		const before = watched.replicas.map(({ recorder }) => countTo(recorder, 'http://hook.test/'));
		downHosts.add('api.test');

		for (const { name, recorder } of watched.replicas) {
			expect(await nextTo(recorder, 'http://hook-two.test/', 0)).toContain(`[${name}] API`);
			expect(await nextTo(recorder, 'http://hook-three.test/', 0)).toContain(`[${name}] API`);
		}
		expect(watched.replicas.map(({ recorder }) => countTo(recorder, 'http://hook.test/'))).toEqual(before);
		expect(await watched.troubles()).toEqual([]);
	});

	async function withDatabase<Result>(dataDirectory: string, use: (database: Database) => Promise<Result>) {
		const database = await openKumaDatabase(dataDirectory);
		try {
			return await use(database);
		} finally {
			await database.close();
		}
	}

	/** The leader's own Kuma beats every 20 seconds; it has seen the API down, or will. */
	async function waitForHook(recorder: HttpRecorder): Promise<string> {
		// It may have seen the last of it down, and one that stays down is no news.
		const asked = recorder.to('http://api.test/').length;
		await waitFor(() => recorder.to('http://api.test/').length > asked, {
			timeoutMs: SOON_MS,
			what: 'a beat while the API is up',
		});
		downHosts.add('api.test');
		try {
			return await nextTo(recorder, 'http://hook.test/', countTo(recorder, 'http://hook.test/'));
		} finally {
			downHosts.delete('api.test');
		}
	}
});
