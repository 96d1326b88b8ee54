import { describe, expect, onTestFinished, test } from 'vitest';
import { createNotices } from '../../src/notices/notices.ts';
import { createNtfyNudger } from '../../src/notices/ntfy-nudger.ts';
import { type NtfySubscriptionOptions, subscribeToNtfy } from '../../src/nudges/ntfy-subscription.ts';
import { limitNudges } from '../../src/nudges/nudge-limiter.ts';
import type { Addressee } from '../../src/wire/request-address.ts';
import { type NtfyServer, startNtfyServer, type Treatment } from '../kit/ntfy-server.ts';
import { recordLog } from '../kit/record-log.ts';
import { waitFor } from '../kit/wait-for.ts';

const MARK = 'replicator-kuma-default';
const FAST = { firstMs: 20, maxMs: 200 };
const TIMEOUT_MS = 20_000;

/** A replica's side: subscribes, and counts nudges. */
function subscribe(topic: Addressee, options: Partial<NtfySubscriptionOptions> = {}) {
	const ending = new AbortController();
	const recorded = recordLog();
	let count = 0;
	const subscription = subscribeToNtfy({
		topic,
		variable: 'NTFY_URL',
		fleet: 'default',
		onNudge: () => {
			count += 1;
		},
		log: recorded.log,
		signal: ending.signal,
		backOff: FAST,
		...options,
	});
	const end = async () => {
		ending.abort();
		await subscription.finished;
	};
	onTestFinished(end);
	return {
		...recorded,
		subscription,
		end,
		count: () => count,
		nudged: (wanted: number) =>
			waitFor(() => count >= wanted, { timeoutMs: TIMEOUT_MS, what: `nudge ${wanted}, there were ${count}` }),
	};
}

/** Open, and the nudge of the first connection has come. */
async function subscribed(server: NtfyServer, options: Partial<NtfySubscriptionOptions> = {}) {
	const replica = subscribe({ url: `${server.url}/topic` }, options);
	await waitFor(() => server.openCount === 1, { timeoutMs: TIMEOUT_MS, what: 'a subscription' });
	await replica.nudged(1);
	return replica;
}

function requested(server: NtfyServer, count: number): Promise<void> {
	return waitFor(() => server.subscriptions.length >= count, {
		timeoutMs: TIMEOUT_MS,
		what: `subscription ${count}`,
	});
}

function noticesTo(topic: Addressee) {
	return createNotices({
		ntfy: topic,
		hostname: 'kuma-1',
		log: recordLog().log,
		nudgedFleet: 'default',
	});
}

describe('a nudge', () => {
	test('is the notice that a snapshot was published', async () => {
		const server = await startNtfyServer({ prefix: '/ntfy' });
		const replica = await subscribed(server);

		await noticesTo({ url: `${server.url}/topic` }).send({ kind: 'published', message: 'Snapshot 1.' });

		await replica.nudged(2);
		expect(replica.subscription.isOpen).toBe(true);
		expect(server.messages[0]).toMatchObject({ message: '[kuma-1] Snapshot 1.', priority: 2 });
	});

	test('is no other notice, no message of a person, and none of another fleet', async () => {
		const server = await startNtfyServer();
		const replica = await subscribed(server);
		const notices = noticesTo({ url: `${server.url}/topic` });

		await notices.send({ kind: 'applied', message: 'm' });
		await notices.send({ kind: 'failed', message: 'm' });
		server.publish('topic', { message: 'Hello' });
		server.publish('topic', { tags: ['replicator-kuma-other'] });
		server.publish('other-topic', { tags: [MARK] });
		server.publish('topic', { tags: ['tada', MARK] });

		await replica.nudged(2);
		expect(replica.count()).toBe(2);
	});

	test('is known by its mark also where the server does not filter', async () => {
		const server = await startNtfyServer({ filters: false });
		const replica = await subscribed(server);

		server.publish('topic', { message: 'Hello' });
		server.publish('topic', { tags: ['replicator-kuma-other'] });
		server.publish('topic', { tags: [MARK] });

		await replica.nudged(2);
		expect(replica.count()).toBe(2);
	});

	test('can go to a topic of its own, where no phone makes a sound', async () => {
		const server = await startNtfyServer({ authorization: 'Bearer tk_1' });
		const topic = { url: `${server.url}/nudges`, token: 'tk_1' };
		const replica = subscribe(topic);
		await replica.nudged(1);
		const { log, warnings } = recordLog();
		const nudger = createNtfyNudger({ topic, fleet: 'default', log });

		await nudger.nudge();

		await replica.nudged(2);
		expect(server.messages).toHaveLength(1);
		expect(server.posts[0]).toMatchObject({ priority: '1', tags: MARK, firebase: 'no' });
		expect(warnings()).toEqual([]);
	});

	test('that comes while another one is sent becomes one more', async () => {
		const server = await startNtfyServer();
		const { log } = recordLog();
		const nudger = createNtfyNudger({ topic: { url: `${server.url}/nudges` }, fleet: 'default', log });

		await Promise.all([nudger.nudge(), nudger.nudge(), nudger.nudge(), nudger.nudge()]);

		expect(server.messages).toHaveLength(2);
	});

	test.each([
		['a token', (host: string) => ({ url: `http://${host}/topic`, token: 'tk_1' }), 'Bearer tk_1'],
		[
			'a user name and password',
			(host: string) => ({ url: `http://kuma:p%40ss@${host}/topic` }),
			`Basic ${Buffer.from('kuma:p@ss').toString('base64')}`,
		],
	])('arrives on a topic that needs %s', async (_what, topicAt, authorization) => {
		const server = await startNtfyServer({ authorization });
		const replica = subscribe(topicAt(server.host));
		await replica.nudged(1);

		await noticesTo(topicAt(server.host)).send({ kind: 'published', message: 'm' });

		await replica.nudged(2);
	});
});

describe('a connection that breaks', () => {
	test('is made again, and what came meanwhile is a nudge', async () => {
		const server = await startNtfyServer();
		const replica = await subscribed(server);
		server.publish('topic', { tags: [MARK] });
		await replica.nudged(2);
		const { id } = server.messages[0] ?? expect.fail('nothing was published');

		server.treatment = { status: 503 };
		server.cut();
		await requested(server, 2);
		server.publish('topic', { tags: [MARK] });
		server.treatment = 'well';

		await replica.nudged(3);
		expect(server.subscriptions.at(-1)).toContain(`since=${id}`);
		expect(replica.count()).toBe(3);
	});

	test('costs nothing when nothing came meanwhile', async () => {
		const server = await startNtfyServer();
		const replica = await subscribed(server);
		server.publish('topic', { tags: [MARK] });
		await replica.nudged(2);

		for (const count of [2, 3, 4]) {
			server.cut();
			await requested(server, count);
			await waitFor(() => server.openCount === 1, { timeoutMs: TIMEOUT_MS, what: 'a new connection' });
		}
		server.publish('topic', { tags: [MARK] });

		await replica.nudged(3);
		expect(replica.count()).toBe(3);
	});

	test('before there was any message asks for what came since it was open', async () => {
		const server = await startNtfyServer();
		const replica = await subscribed(server);

		server.treatment = { status: 503 };
		server.cut();
		await requested(server, 2);
		server.publish('topic', { tags: [MARK] });
		server.treatment = 'well';

		await replica.nudged(2);
		expect(server.subscriptions.at(-1)).toMatch(/since=\d+/);
	});

	test('without a word is noticed, and made again', async () => {
		const server = await startNtfyServer();
		server.treatment = 'silent';
		const replica = subscribe({ url: `${server.url}/topic` }, { keepAliveMs: 80 });
		await replica.nudged(1);

		await requested(server, 2);
		server.treatment = 'well';
		server.publish('topic', { tags: [MARK] });

		await replica.nudged(2);
		expect(replica.lines.join()).toContain('is silent');
	});

	test('is not given up while it is kept alive', async () => {
		const server = await startNtfyServer({ keepAliveMs: 100 });
		const replica = await subscribed(server, { keepAliveMs: 1_000 });
		const openedAtMs = performance.now();

		const isLong = () => performance.now() - openedAtMs > 6_000;
		await waitFor(isLong, { timeoutMs: TIMEOUT_MS, what: 'twice the silence that is allowed' });

		expect(server.subscriptions).toHaveLength(1);
		expect(replica.subscription.isOpen).toBe(true);
	});
});

describe('a server in trouble', () => {
	test.each<Treatment>([
		{ status: 500 },
		{ status: 401 },
		{ status: 404 },
		{ status: 301, headers: { Location: '/elsewhere' } },
		'cut',
		'hang',
		'garbage',
	])('%j is tried again, told once, and heard when it is well', async (treatment) => {
		const server = await startNtfyServer();
		server.treatment = treatment;
		const replica = subscribe({ url: `${server.url}/topic` }, { keepAliveMs: 100 });
		await requested(server, 6);

		server.treatment = 'well';
		await waitFor(() => server.openCount === 1, { timeoutMs: TIMEOUT_MS, what: 'a connection' });
		server.publish('topic', { tags: [MARK] });

		await replica.nudged(2);
		expect(replica.warnings()).toHaveLength(1);
		expect(replica.lines.filter((line) => line.includes('again'))).toHaveLength(1);
	});

	test('is left alone for as long as it asks', async () => {
		const server = await startNtfyServer();
		server.treatment = { status: 429, headers: { 'Retry-After': '2' } };
		const replica = subscribe({ url: `${server.url}/topic` });
		await requested(server, 1);
		const refusedAt = performance.now();
		server.treatment = 'well';

		await replica.nudged(1);

		expect(performance.now() - refusedAt).toBeGreaterThan(1_900);
		expect(server.subscriptions).toHaveLength(2);
	});

	test('that is away is waited for with growing pauses', async () => {
		const server = await startNtfyServer();
		await server.stop();
		const replica = subscribe(
			{ url: `${server.url}/topic` },
			{ backOff: { firstMs: 8, maxMs: 64 }, random: () => 0 },
		);
		const pauses = () => replica.lines.map((line) => Number(/"retryInMs":(\d+)/.exec(line)?.[1]));

		await waitFor(() => replica.lines.length >= 6, { timeoutMs: TIMEOUT_MS, what: 'six attempts' });

		expect(pauses().slice(0, 6)).toEqual([8, 16, 32, 64, 64, 64]);
		expect(replica.warnings()).toHaveLength(1);
	});

	test('that does not like the marker is asked without it', async () => {
		const server = await startNtfyServer();
		const replica = await subscribed(server);

		server.treatment = { status: 400 };
		server.cut();
		await requested(server, 2);
		server.treatment = 'well';

		await replica.nudged(2);
		expect(server.subscriptions.at(-1)).not.toContain('since=');
	});

	test('never learns from the log what is secret', async () => {
		const server = await startNtfyServer();
		server.treatment = { status: 403 };
		const replica = subscribe({ url: `http://kuma:pass-secret@${server.host}/topic-secret?x=query-secret` });
		await requested(server, 3);
		await server.stop();
		await waitFor(() => replica.lines.some((line) => line.includes('ECONNREFUSED')), {
			timeoutMs: TIMEOUT_MS,
			what: 'a refused connection',
		});

		expect(replica.lines.join()).toContain(`http://${server.host}/***`);
		expect(replica.lines.join()).not.toContain('-secret');
	});
});

describe('a hostile topic', () => {
	test('floods with nudges, and is heard once in two seconds', async () => {
		const server = await startNtfyServer();
		server.treatment = { flood: [MARK] };
		const at: number[] = [];
		const limiter = limitNudges({ onNudge: () => at.push(performance.now()) });
		onTestFinished(() => limiter.cancel());
		subscribe({ url: `${server.url}/topic` }, { onNudge: limiter.nudge });

		await waitFor(() => at.length >= 3, { timeoutMs: TIMEOUT_MS, what: 'three looks' });

		const [first = 0, second = 0, third = 0] = at;
		expect(Math.min(second - first, third - second)).toBeGreaterThan(1_900);
	});

	test.each<Treatment>(['endless-line', { flood: [] }, { flood: [MARK] }])(
		'%j is read slowly, and costs little memory',
		async (treatment) => {
			const server = await startNtfyServer();
			server.treatment = treatment;
			const replica = subscribe({ url: `${server.url}/topic` });
			await replica.nudged(1);
			const before = process.memoryUsage().rss;
			const startedAtMs = performance.now();

			await waitFor(() => performance.now() - startedAtMs > 3_000, { timeoutMs: TIMEOUT_MS, what: '3 s' });

			// A second is waited after each MiB; what systems and libraries hold in between is not ours to choose.
			expect(server.floodedBytes).toBeLessThan(40 * 1024 * 1024);
			expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
		},
	);

	test('sends what is too long or makes no sense, and the next nudge arrives', async () => {
		const server = await startNtfyServer();
		const replica = await subscribed(server);

		server.publish('topic', { tags: [MARK], message: 'x'.repeat(200_000) });
		server.publish('topic', { tags: [MARK, ...Array.from({ length: 100 }, (_, index) => `tag${index}`)] });

		await replica.nudged(2);
		expect(replica.count()).toBe(2);
		expect(server.openCount).toBe(1);
	});
});

test('an end that is asked for comes at once, in whatever it does', async () => {
	const server = await startNtfyServer();
	const open = await subscribed(server);
	await open.end();
	expect(open.subscription.isOpen).toBe(false);

	server.treatment = 'hang';
	const hanging = subscribe({ url: `${server.url}/topic` });
	await requested(server, 2);
	await hanging.end();

	server.treatment = { status: 429, headers: { 'Retry-After': '3000' } };
	const waiting = subscribe({ url: `${server.url}/topic` });
	await waitFor(() => waiting.lines.length === 1, { timeoutMs: TIMEOUT_MS, what: 'a refusal' });
	await waiting.end();
});
