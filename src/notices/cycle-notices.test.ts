import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ReplicatorError } from '../model/replicator-error.ts';
import type { CycleReport } from '../model/status.ts';
import { CycleNotices } from './cycle-notices.ts';
import { createNotices } from './notices.ts';

const silent = { debug() {}, info() {}, warning() {}, error() {} };

function report(outcome: CycleReport['outcome'], more: Partial<CycleReport> = {}): CycleReport {
	return {
		outcome,
		summary: `It was ${outcome}.`,
		needsDecision: false,
		details: [],
		heldRows: [],
		snapshotId: null,
		stages: {},
		...more,
	};
}

const held = (snapshotId: string, reason = 'many-monitors') =>
	report('held', { needsDecision: true, trouble: `held/${reason}`, snapshotId });

const failure = (code: 'repository-unreachable' | 'database-unreachable' | 'interrupted' | 'refused') =>
	new ReplicatorError('It went wrong', { code, hint: 'Do something.' });

/** What is posted to a topic, as title and text; `answer` gives the status of each. */
async function listen(answer: (count: number) => number | Promise<number> = () => 200) {
	const told: string[] = [];
	const beats: string[] = [];
	let nudges = 0;
	const server = createServer(async (request, response) => {
		const body = await text(request);
		const status = await answer(told.length);
		const { title, priority } = request.headers;
		if (status === 200) told.push(`${title} (${priority}): ${body}`);
		response.writeHead(status).end();
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	onTestFinished(() => void server.close());
	const topic = `http://127.0.0.1:${(server.address() as AddressInfo).port}/topic`;
	const notices = new CycleNotices(createNotices({ ntfy: { url: topic }, hostname: 'h', log: silent }), {
		heartbeat: {
			succeed: async ({ durationMs }) => void beats.push(`good ${durationMs}`),
			fail: async (message) => void beats.push(`bad ${message}`),
		},
		nudger: {
			nudge: async () => {
				nudges += 1;
			},
		},
	});
	return {
		told: async () => {
			await notices.settled();
			return told;
		},
		beats,
		nudges: () => nudges,
		notices,
	};
}

test('a Kuma that does not beat is told once, and so is its end; the heartbeat is bad until then', async () => {
	const { notices, told, beats } = await listen();
	const status = {
		state: 'missing',
		monitors: 3,
		lastBeatAt: null,
		lastError: 'RangeError: no zone',
	} as const;

	notices.tellBeats({ event: 'beatsStopped', beats: status });
	notices.tell(report('up-to-date'), 7);
	notices.tellBeats({ event: 'beatsResumed', silentMs: 120_000 });
	notices.tell(report('up-to-date'), 8);

	const [stopped, resumed, ...more] = await told();
	expect(stopped).toMatch(
		/^Uptime Kuma does not beat \(5\): \[h\] Uptime Kuma watches nothing\. None of its 3 .* since it was started\. Kuma's last error: RangeError: no zone\./,
	);
	expect(resumed).toMatch(/^Uptime Kuma beats again \(3\): /);
	expect(more).toEqual([]);
	expect(beats.map((beat) => beat.split(' ')[0])).toEqual(['bad', 'bad', 'good', 'good']);
});

describe('news', () => {
	test('another time zone of the leader is told by itself, with what it means', async () => {
		const { notices, told } = await listen();
		const timezoneChange = { before: 'Europe/Berlin', after: 'America/New_York' };

		notices.tell(report('unchanged', { timezoneChange }));
		notices.tell(report('unchanged'));

		expect(await told()).toEqual([
			expect.stringMatching(
				/^Time zone of the fleet changed \(4\): \[h\] The leader is in the time zone America\/New_York; until now it was Europe\/Berlin\./,
			),
		]);
	});

	test('what was published and applied is told, and what is as it was is not', async () => {
		const { notices, told, beats, nudges } = await listen();

		notices.tell(report('published'), 12);
		notices.tell(report('applied'), 34);
		for (const outcome of ['unchanged', 'up-to-date', 'nothing-published', 'wait-for-user'] as const)
			notices.tell(report(outcome));

		expect(await told()).toEqual([
			'Snapshot published (2): [h] It was published.',
			'Snapshot applied (2): [h] It was applied.',
		]);
		expect(beats.slice(0, 2)).toEqual(['good 12', 'good 34']);
		expect(beats).toHaveLength(6);
		expect(nudges()).toBe(1);
	});

	test('a preview, and a Kuma that is not set up, are told to nobody', async () => {
		const { notices, told, beats } = await listen();

		notices.tell(report('planned', { needsDecision: true }));
		notices.tell(report('not-set-up'));

		expect(await told()).toEqual([]);
		expect(beats).toEqual([]);
	});

	test('rows that are set aside raise the priority, until they are known', async () => {
		const { notices, told } = await listen();
		const row = { table: 'monitor', key: '1', title: 'API', reason: 'too long', how: 'held' } as const;
		const other = { ...row, key: '2' };

		for (const heldRows of [[row], [row], [row, other], [], [row]])
			notices.tell(report('applied', { heldRows }));

		expect((await told()).map((notice) => notice.split(':')[0])).toEqual([
			'Snapshot applied in part (3)',
			'Snapshot applied (2)',
			'Snapshot applied in part (3)',
			'Snapshot applied (2)',
			'Snapshot applied in part (3)',
		]);
	});

	test('that all of a snapshot is set aside is told, though nothing changes, but not again after a restart', async () => {
		const { notices, told } = await listen();
		const row = { table: 'monitor', key: '1', title: 'API', reason: 'too long', how: 'held' } as const;
		const other = { ...row, key: '2' };

		for (const heldRows of [[row], [row], [row, other], [row, other], []])
			notices.tell(report('unchanged', { heldRows }));

		expect(await told()).toEqual(['Snapshot applied in part (3): [h] It was unchanged.']);
	});
});

describe('trouble', () => {
	test('is told once, however often it is met, and so is its end', async () => {
		const { notices, told, beats } = await listen();

		for (let count = 0; count < 50; count += 1) notices.tellError(failure('repository-unreachable'));
		notices.tell(report('up-to-date'), 5);
		notices.tell(report('up-to-date'), 5);

		expect(await told()).toEqual([
			'Replication failed (4): [h] It went wrong. Do something.',
			'Replication recovered (3): [h] Replication works again. It was up-to-date.',
		]);
		expect(beats).toHaveLength(52);
		expect(beats[0]).toBe('bad It went wrong. Do something.');
	});

	test('that alternates with another one is told once each', async () => {
		const { notices, told } = await listen();

		for (let count = 0; count < 5; count += 1) {
			notices.tellError(failure('repository-unreachable'));
			notices.tell(held(`snapshot ${count}`));
			notices.tellError(failure('database-unreachable'));
			notices.tell(report('not-set-up'));
		}
		notices.tell(report('unchanged'));

		expect((await told()).map((notice) => notice.split(' (')[0])).toEqual([
			'Replication failed',
			'Snapshot held',
			'Replication failed',
			'Replication recovered',
		]);
	});

	test('is the same when the leader publishes on, and another one for another reason', async () => {
		const { notices, told } = await listen();

		for (const reason of ['many-monitors', 'many-monitors', 'all-users', 'many-monitors'])
			notices.tell(held('another', reason));

		expect(await told()).toHaveLength(2);
	});

	test('that comes back after its end is told again', async () => {
		const { notices, told } = await listen();

		for (let count = 0; count < 2; count += 1) {
			notices.tellError(failure('repository-unreachable'));
			notices.tell(report('unchanged'));
		}

		expect(await told()).toHaveLength(4);
	});

	test('that could not be told is told by a later cycle', async () => {
		let isAway = true;
		const { notices, told } = await listen(() => (isAway ? 404 : 200));

		notices.tellError(failure('repository-unreachable'));
		expect(await told()).toHaveLength(0);
		isAway = false;
		notices.tellError(failure('repository-unreachable'));
		notices.tellError(failure('repository-unreachable'));

		expect(await told()).toHaveLength(1);
	});

	test('that ends with news tells both, and nudges', async () => {
		const { notices, told, nudges } = await listen();

		notices.tellError(failure('repository-unreachable'));
		notices.tell(report('published'));

		expect((await told()).slice(1)).toEqual([
			'Replication recovered (3): [h] Replication works again.',
			'Snapshot published (2): [h] It was published.',
		]);
		expect(nudges()).toBe(1);
	});

	test('is not that something was asked to end, or refused to whoever asked', async () => {
		const { notices, told, beats } = await listen();

		notices.tellError(failure('interrupted'));
		notices.tellError(failure('refused'));
		notices.tell(report('unchanged'));

		expect(await told()).toEqual([]);
		expect(beats).toEqual(['good 0']);
	});
});

test('while a server is slow, no more than twenty notices wait, and the end of trouble is told after all', async () => {
	let answer = (_status: number) => {};
	const isAsked = new Promise<number>((resolve) => {
		answer = resolve;
	});
	const { notices, told } = await listen((count) => (count === 0 ? isAsked : 200));

	notices.tellError(failure('repository-unreachable'));
	for (let count = 0; count < 100; count += 1) {
		notices.tellError(failure('database-unreachable'));
		notices.tell(report('applied'));
	}
	answer(200);
	expect(await told()).toHaveLength(20);
	notices.tell(report('up-to-date'));

	expect((await told()).slice(20)).toEqual([
		'Replication recovered (3): [h] Replication works again. It was up-to-date.',
	]);
});

describe('a leader that cannot be heard', () => {
	beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
	afterEach(() => void vi.useRealTimers());

	test('for a minute is told once, and so is its return', async () => {
		const { notices, told, beats } = await listen();

		notices.tellLeaderLost('it is silent');
		vi.advanceTimersByTime(60_000);
		expect(await told()).toEqual([
			'Leader lost (4): [h] The leader cannot be heard: it is silent. Snapshots come from the repository meanwhile.',
		]);
		vi.advanceTimersByTime(3_600_000);
		notices.tellLeaderBack();
		notices.tellLeaderBack();

		expect((await told()).slice(1)).toEqual(['Leader is back (3): [h] The leader is heard again.']);
		expect(beats).toEqual([]);
	});

	test('for less, as while it is upgraded, is told to nobody', async () => {
		const { notices, told } = await listen();

		notices.tellLeaderLost('it ended the connection');
		vi.advanceTimersByTime(59_000);
		notices.tellLeaderBack();
		vi.advanceTimersByTime(60_000);

		expect(await told()).toEqual([]);
	});

	test('makes no other trouble be told again', async () => {
		const { notices, told } = await listen();
		notices.tellError(failure('repository-unreachable'));
		notices.tellLeaderLost('it is silent');
		vi.advanceTimersByTime(60_000);
		notices.tellLeaderBack();

		notices.tellError(failure('repository-unreachable'));

		const titles = (await told()).map((text) => text.split(' (')[0]);
		expect(titles).toEqual(['Replication failed', 'Leader lost', 'Leader is back']);
	});
});
