import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
	AGENT_PROTOCOL,
	type AgentHello,
	CAPABILITIES,
	type Capabilities,
} from '../../model/agent-protocol.ts';
import { type BeatReport, NO_BEATS_YET } from '../../model/beat-watch.ts';
import { type BeatsEvent, describeMissingBeats } from '../../model/missing-beats.ts';
import { KumaBeats } from './kuma-beats.ts';

const silent = { debug() {}, info() {}, warning() {}, error() {} };
const BEATING: BeatReport = { ...NO_BEATS_YET, monitors: 3, sinceBeatMs: 2_000, patienceMs: 120_000 };
const MISSING: BeatReport = { ...BEATING, overdue: 3, sinceBeatMs: 90_000, isMissing: true };

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

function helloOf(beats: BeatReport, change: Partial<AgentHello> = {}): AgentHello {
	return {
		protocol: AGENT_PROTOCOL,
		productVersion: '0.0.0',
		kumaVersion: '2.5.3',
		pid: 1,
		fingerprint: 'it',
		phase: 'running',
		capabilities: Object.fromEntries(CAPABILITIES.map((name) => [name, true])) as Capabilities,
		problems: [],
		beats,
		...change,
	};
}

/** Follows a Kuma whose agent, or whose database, says what it is told to. */
function follow(parts: {
	readonly hello?: () => AgentHello | null;
	readonly read?: () => Promise<BeatReport | null>;
}) {
	const events: BeatsEvent['event'][] = [];
	let reads = 0;
	const beats = new KumaBeats({
		hello: parts.hello ?? (() => null),
		stored: {
			read: async () => {
				reads += 1;
				return (await parts.read?.()) ?? null;
			},
			forget: () => undefined,
		},
		onEvent: ({ event }) => events.push(event),
		log: silent,
	});
	const stop = new AbortController();
	onTestFinished(() => stop.abort());
	beats.watch(stop.signal);
	return { beats, events, reads: () => reads };
}

test('what the agent sees is the state, and its change is an event, once', () => {
	const { beats, events } = follow({ hello: () => helloOf(BEATING) });
	expect(beats.status.state).toBe('unknown');

	for (const report of [NO_BEATS_YET, BEATING, MISSING, MISSING, BEATING, BEATING]) beats.hear(report);

	expect(beats.status).toMatchObject({ state: 'beating', monitors: 3 });
	expect(events).toEqual(['beatsStopped', 'beatsResumed']);
});

test('a Kuma whose agent falls silent does not beat either', async () => {
	const { beats, events } = follow({ hello: () => helloOf(BEATING) });
	beats.hear(BEATING);

	await vi.advanceTimersByTimeAsync(60_000);
	expect(beats.status.state).toBe('beating');
	await vi.advanceTimersByTimeAsync(10_000);
	expect(beats.status).toMatchObject({ state: 'missing', lastError: 'the process of Kuma does not answer' });

	beats.hear(BEATING);
	expect(events).toEqual(['beatsStopped', 'beatsResumed']);
});

test.each([
	['no agent', null],
	[
		'an agent that sees no beats',
		helloOf(BEATING, {
			capabilities: { ...helloOf(BEATING).capabilities, beats: 'this Kuma has no R.store' },
		}),
	],
	['an agent in a Kuma that has not started', helloOf(BEATING, { phase: 'starting' })],
])('with %s the database is asked, every 30 s', async (_what, hello) => {
	const { beats, events, reads } = follow({ hello: () => hello, read: async () => MISSING });

	await vi.advanceTimersByTimeAsync(120_000);

	expect(reads()).toBe(4);
	expect(beats.status.state).toBe('missing');
	expect(events).toEqual(['beatsStopped']);
});

test('a database that cannot be read says nothing about beats', async () => {
	const { beats, events } = follow({ read: () => Promise.reject(new Error('locked')) });

	await vi.advanceTimersByTimeAsync(600_000);

	expect(beats.status.state).toBe('unknown');
	expect(events).toEqual([]);
});

test('a Kuma whose agent falls silent keeps the time of its last beat', async () => {
	const { beats } = follow({ hello: () => helloOf(BEATING) });
	beats.hear(BEATING);
	const { lastBeatAt } = beats.status;

	await vi.advanceTimersByTimeAsync(3_600_000);

	expect(beats.status).toMatchObject({ state: 'missing', lastBeatAt });
});

test('a Kuma that was started again and cannot say which monitors it has does not beat', async () => {
	const { beats } = follow({ hello: () => helloOf(NO_BEATS_YET) });
	beats.hear(BEATING);

	await vi.advanceTimersByTimeAsync(70_000);

	expect(beats.status).toMatchObject({ state: 'missing', monitors: 3 });
});

test('a Kuma that stood already when it was asked first has beaten before that', async () => {
	const hello = helloOf(BEATING);
	const askedAt = Date.now();
	const { beats } = follow({ hello: () => hello });

	await vi.advanceTimersByTimeAsync(3_600_000);

	expect(Date.parse(beats.status.lastBeatAt ?? '')).toBe(askedAt - 2_000);
});

describe.each([
	['cannot be read', () => Promise.reject(new Error('refused'))],
	['is not set up', async () => null],
])('with a database that %s', (_what, read) => {
	test('a Kuma whose agent is gone is missed once its monitors should have beaten', async () => {
		const { beats, events } = follow({ read });
		beats.hear(BEATING);
		const { lastBeatAt } = beats.status;

		await vi.advanceTimersByTimeAsync(120_000);
		expect(beats.status.state).toBe('beating');
		await vi.advanceTimersByTimeAsync(30_000);

		expect(beats.status).toMatchObject({ state: 'missing', monitors: 3, lastBeatAt });
		expect(events).toEqual(['beatsStopped']);
	});

	test('a Kuma whose database was read last is, too', async () => {
		let isThere = true;
		const { beats } = follow({ read: () => (isThere ? Promise.resolve(BEATING) : read()) });
		await vi.advanceTimersByTimeAsync(30_000);
		isThere = false;

		await vi.advanceTimersByTimeAsync(150_000);

		expect(beats.status.state).toBe('missing');
	});

	test('a Kuma without monitors that beat is not', async () => {
		const { beats } = follow({ read });
		beats.hear(NO_BEATS_YET);

		await vi.advanceTimersByTimeAsync(600_000);

		expect(beats.status.state).toBe('idle');
	});
});

test('it is over with a beat, and not because the database can be read again', async () => {
	let report: BeatReport | null = null;
	const { beats, events } = follow({ read: async () => report });
	beats.hear(BEATING);
	await vi.advanceTimersByTimeAsync(180_000);

	report = { ...BEATING, sinceBeatMs: null };
	await vi.advanceTimersByTimeAsync(60_000);
	expect(beats.status.state).toBe('missing');
	report = BEATING;
	await vi.advanceTimersByTimeAsync(30_000);

	expect(beats.status.state).toBe('beating');
	expect(events).toEqual(['beatsStopped', 'beatsResumed']);
});

test('what is told says since when, of how many, and why', () => {
	const status = {
		state: 'missing',
		monitors: 1,
		lastBeatAt: '2026-11-27T10:00:00.000Z',
		lastError: null,
	} as const;

	expect(describeMissingBeats(status)).toContain('Its only active monitor has not beaten since');
	expect(describeMissingBeats({ ...status, monitors: 7, lastError: 'SQLITE_FULL' })).toMatch(
		/None of its 7 active monitors has beaten since 2026-11-27T10:00:00\.000Z\. Kuma's last error: SQLITE_FULL\./,
	);
});
