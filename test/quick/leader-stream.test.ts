import type { ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LeaderStream, type LeaderStreamOptions } from '../../src/fleet/leader-stream.ts';
import type { SnapshotHint } from '../../src/fleet/snapshot-hint.ts';
import { freePort } from '../kit/free-port.ts';
import { publicServer, TEST_TOKEN, testHint } from '../kit/public-server.ts';
import { scriptedLeader } from '../kit/scripted-leader.ts';
import { waitFor } from '../kit/wait-for.ts';

const QUICK = { retryFirstMs: 10, retryMaxMs: 50 } as const;
const PATIENT = { timeoutMs: 20_000 } as const;

/** A replica's end of the stream, and everything that it was told. */
function follow(options: Partial<LeaderStreamOptions> & { readonly url: string }) {
	const hints: SnapshotHint[] = [];
	const news: string[] = [];
	const withdrawals: unknown[] = [];
	const warnings: Readonly<Record<string, unknown>>[] = [];
	const stream = new LeaderStream({
		token: TEST_TOKEN,
		log: {
			debug() {},
			info() {},
			warning: (_message, fields = {}) => warnings.push(fields),
			error() {},
		},
		onSnapshot: (hint) => hints.push(hint),
		onWithdrawn: (withdrawal) => withdrawals.push(withdrawal),
		onLeaderLost: (reason) => news.push(`lost: ${reason}`),
		onLeaderBack: () => news.push('back'),
		...options,
		limits: { ...QUICK, ...options.limits },
	});
	onTestFinished(() => stream.stop());
	stream.start();
	return { stream, hints, news, warnings, withdrawals };
}

const startEvents = (response: ServerResponse) => {
	response.writeHead(200, { 'content-type': 'text/event-stream' });
	response.write(': hello\n\n');
};
const event = (data: unknown) =>
	`event: snapshot\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;

describe('with a leader', () => {
	test('the newest snapshot is heard of at once, and each newer one', async () => {
		const { url, feed } = await publicServer();
		feed.announce(testHint(1), async () => null);

		const { hints, news } = follow({ url });
		await waitFor(() => hints.length === 1, { ...PATIENT, what: 'the first hint' });
		feed.announce(testHint(2), async () => null);
		await waitFor(() => hints.length === 2, { ...PATIENT, what: 'the second hint' });
		feed.announce(testHint(2, { isKept: true }), async () => null);
		await waitFor(() => hints.length === 3, { ...PATIENT, what: 'the third hint' });

		expect(hints).toEqual([testHint(1), testHint(2), testHint(2, { isKept: true })]);
		expect(news).toEqual([]);
	});

	test('a leader that goes is lost once and back once, and what it published meanwhile is heard of', async () => {
		const port = await freePort();
		const first = await publicServer({ port });
		first.feed.announce(testHint(1), async () => null);
		const { stream, hints, news } = follow({ url: first.url });
		await waitFor(() => hints.length === 1, { ...PATIENT, what: 'the first hint' });

		await first.close();
		await waitFor(() => news.length === 1 && !stream.isConnected, { ...PATIENT, what: 'the loss' });
		const second = await publicServer({ port });
		second.feed.announce(testHint(2), async () => null);
		await waitFor(() => hints.length === 2, { ...PATIENT, what: 'the second hint' });

		expect(news).toEqual(['lost: it ended the connection', 'back']);
		expect(hints[1]).toEqual(testHint(2));
		expect(stream.isConnected).toBe(true);
	});

	test('a withdrawal is heard of, also by a replica that was not connected when it happened', async () => {
		const port = await freePort();
		const first = await publicServer({ port });
		first.feed.announce(testHint(1), async () => null);
		const { hints, withdrawals } = follow({ url: first.url });
		await waitFor(() => hints.length === 1, { ...PATIENT, what: 'the hint' });

		first.feed.withdraw();
		await waitFor(() => withdrawals.length === 1, { ...PATIENT, what: 'the withdrawal' });
		first.feed.announce(testHint(1), async () => null);
		await waitFor(() => hints.length === 2, { ...PATIENT, what: 'the same hint once more' });
		await first.close();
		await publicServer({ port });
		await waitFor(() => withdrawals.length === 2, { ...PATIENT, what: 'what the next process says' });

		expect(withdrawals).toEqual([{ instanceId: 'leader' }, { instanceId: 'leader' }]);
	});

	test('twenty replicas hear of the same snapshot', async () => {
		const { url, feed } = await publicServer();
		const replicas = Array.from({ length: 20 }, () => follow({ url }));

		await waitFor(() => replicas.every(({ stream }) => stream.isConnected), { ...PATIENT, what: 'all' });
		feed.announce(testHint(1), async () => null);

		await waitFor(() => replicas.every(({ hints }) => hints.length === 1), { ...PATIENT, what: 'all hints' });
	});

	test('signs of life keep a connection on which nothing happens', async () => {
		const silenceMs = 1_500;
		const { url } = await publicServer({ limits: { heartbeatMs: 50 } });
		const { stream, news } = follow({ url, limits: { silenceMs } });
		await waitFor(() => stream.isConnected, { ...PATIENT, what: 'the connection' });

		const enough = performance.now() + 2 * silenceMs;
		await waitFor(() => performance.now() > enough, { ...PATIENT, what: 'twice the time of silence' });

		expect(news).toEqual([]);
	});

	test('after the stop nothing is connected and nothing is told', async () => {
		const server = await publicServer();
		const { stream, hints, news } = follow({ url: server.url });
		await waitFor(() => server.eventClientCount === 1, { ...PATIENT, what: 'the connection' });

		await stream.stop();
		await waitFor(() => server.eventClientCount === 0, { ...PATIENT, what: 'its end' });
		server.feed.announce(testHint(1), async () => null);

		expect([stream.isConnected, hints, news]).toEqual([false, [], []]);
	});
});

describe('without one', () => {
	test('nobody there is one loss, however often it is tried', async () => {
		let pauses = 0;
		const random = () => {
			pauses += 1;
			return 0;
		};
		const { news, warnings } = follow({ url: `http://127.0.0.1:${await freePort()}`, random });

		await waitFor(() => pauses > 5, { ...PATIENT, what: 'some attempts' });

		expect(news).toHaveLength(1);
		expect(news[0]).toContain('ECONNREFUSED');
		expect(warnings).toHaveLength(1);
	});

	test('another trouble is told again in the log, while the leader is lost only once', async () => {
		let status = 500;
		const leader = await scriptedLeader((_request, response) => {
			response.statusCode = status;
			response.end();
		});
		const { news, warnings } = follow({ url: leader.url });
		await waitFor(() => leader.requests.length > 3, { ...PATIENT, what: 'some attempts' });

		status = 401;
		await waitFor(() => warnings.length > 1, { ...PATIENT, what: 'the other trouble' });

		expect(warnings.map(({ reason }) => reason)).toEqual([
			expect.stringContaining('it answers with 500'),
			expect.stringContaining('refuses the token'),
		]);
		expect(news).toHaveLength(1);
	});

	test('a wrong token is told with the way out, without the token', async () => {
		const { url } = await publicServer();
		const { news, warnings } = follow({ url, token: 'another-token-0123456789' });

		await waitFor(() => news.length > 0, { ...PATIENT, what: 'the loss' });

		expect(news[0]).toContain('REPLICATOR_TOKEN must be the same');
		expect(JSON.stringify(warnings)).not.toContain('0123456789');
	});

	test('an instance that does not lead, and a server of another kind, are told apart', async () => {
		const replica = await publicServer({ feed: null });
		const other = await scriptedLeader((_request, response) => response.end('welcome'));

		const [atReplica, atOther] = [follow({ url: replica.url }), follow({ url: other.url })];
		await waitFor(() => atReplica.news.length > 0 && atOther.news.length > 0, {
			...PATIENT,
			what: 'the losses',
		});

		expect(atReplica.news[0]).toContain('must name the instance in mode BACKUP');
		expect(atOther.news[0]).toContain('does not serve events');
	});

	test('pauses double up to their limit', async () => {
		const asked: number[] = [];
		const leader = await scriptedLeader((_request, response) => {
			asked.push(performance.now());
			startEvents(response);
			response.end();
		});

		follow({ url: leader.url, limits: { retryFirstMs: 100, retryMaxMs: 400 }, random: () => 0 });
		await waitFor(() => asked.length >= 5, { ...PATIENT, what: 'five attempts' });

		const pauses = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
		for (const [index, least] of [100, 200, 400, 400].entries())
			expect(pauses[index]).toBeGreaterThanOrEqual(least * 0.95);
	});

	test('after a good connection the pauses begin again', async () => {
		const leader = await scriptedLeader((_request, response) => {
			startEvents(response);
			response.end();
		});

		// Doubled every time, these pauses would take minutes.
		follow({ url: leader.url, limits: { retryFirstMs: 20, retryMaxMs: 600_000, stableMs: 0 } });

		await waitFor(() => leader.requests.length >= 15, { ...PATIENT, what: 'many connections' });
	});
});

describe('a hostile or broken leader', () => {
	test('one that falls silent is lost by its missing signs of life, and asked again', async () => {
		const leader = await scriptedLeader((_request, response) => startEvents(response));

		const { news } = follow({ url: leader.url, limits: { silenceMs: 200 } });
		await waitFor(() => news.length >= 3, { ...PATIENT, what: 'loss, return and loss' });

		expect(news.slice(0, 3)).toEqual(['lost: it is silent', 'back', 'lost: it is silent']);
	});

	test('one that accepts and says nothing at all is lost', async () => {
		const leader = await scriptedLeader(() => undefined);

		const { news } = follow({ url: leader.url, limits: { connectMs: 200 } });
		await waitFor(() => news.length > 0, { ...PATIENT, what: 'the loss' });

		expect(news[0]).toContain('it is silent');
	});

	test.each([
		['bytes of a line that never ends', 'data: x', 'x'],
		['bytes that are no field', '', 'x'],
		['fields of an event that never ends', '', 'id: 1\n'],
	])('%s are no sign of life', async (_name, beginning, drip) => {
		const leader = await scriptedLeader((_request, response) => {
			startEvents(response);
			response.write(beginning);
			const timer = setInterval(() => response.write(drip), 10);
			response.on('close', () => clearInterval(timer));
		});

		const { news } = follow({ url: leader.url, limits: { silenceMs: 300 } });

		await waitFor(() => news.length > 0, { ...PATIENT, what: 'the loss' });
		expect(news[0]).toBe('lost: it is silent');
	});

	test.each([
		['an event that never ends', `data: ${'x'.repeat(1000)}\n`, 'an endless event'],
		['a line that never ends', 'data: x'.padEnd(1000, 'x'), 'an endless event'],
		['more than any leader says', `: ${'x'.repeat(1000)}\n\n`, 'floods this instance'],
		['more events than there are snapshots', event(testHint(1)) + event(testHint(2)), 'floods this instance'],
	])('%s ends the connection', async (_name, text, reason) => {
		const leader = await scriptedLeader((_request, response) => {
			startEvents(response);
			const pour = () => {
				while (!response.destroyed && response.write(text));
			};
			response.on('drain', pour);
			pour();
		});

		const { news } = follow({ url: leader.url });

		await waitFor(() => news.length > 0, { ...PATIENT, what: 'the loss' });
		expect(news[0]).toContain(reason);
	});

	test('events that say nothing usable are passed over, and those behind them are heard', async () => {
		const bad = [
			'',
			'nonsense',
			'{}',
			'null',
			{ ...testHint(1), generation: 0 },
			{ ...testHint(1), generation: 1e300 },
			{ ...testHint(1), digest: '../../etc/passwd' },
			{ ...testHint(1), isKept: '-rf' },
		];
		const leader = await scriptedLeader((_request, response) => {
			startEvents(response);
			for (const data of bad) response.write(event(data));
			response.write(`event: other\ndata: ${JSON.stringify(testHint(3))}\n\n`);
			response.write(event({ ...testHint(7), more: 'x' }));
		});

		const { hints, news } = follow({ url: leader.url });
		await waitFor(() => hints.length > 0, { ...PATIENT, what: 'a hint' });

		expect(hints).toEqual([testHint(7)]);
		expect(news).toEqual([]);
	});

	test('the same event again and again is one hint', async () => {
		const leader = await scriptedLeader((_request, response) => {
			startEvents(response);
			for (let count = 0; count < 100; count += 1) response.write(event(testHint(1)));
			response.write(event(testHint(2)));
		});

		const { hints } = follow({ url: leader.url });
		await waitFor(() => hints.length >= 2, { ...PATIENT, what: 'the other hint' });

		expect(hints).toEqual([testHint(1), testHint(2)]);
	});

	test('the token goes to the leader alone, wherever it sends a replica', async () => {
		const thief = await scriptedLeader((_request, response) => response.end());
		const leader = await scriptedLeader((_request, response) => {
			response.writeHead(307, { location: `${thief.url}/api/events` });
			response.end();
		});

		const { news } = follow({ url: leader.url });
		await waitFor(() => news.length > 0, { ...PATIENT, what: 'the loss' });

		expect(leader.requests[0]?.headers.authorization).toBe(`Bearer ${TEST_TOKEN}`);
		expect(thief.requests).toEqual([]);
	});
});
