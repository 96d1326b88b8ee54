import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ReplicatorError } from '../model/replicator-error.ts';
import type { CycleReport } from '../model/status.ts';
import { CycleNotices } from '../notices/cycle-notices.ts';
import type { Heartbeat } from '../notices/heartbeat.ts';
import { createNotices } from '../notices/notices.ts';
import { Cycles } from './cycles.ts';

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

const LIMITS = { limitMs: 1_000, graceMs: 100 };
const silent = { debug() {}, info() {}, warning() {}, error() {} };
const tooLong = { code: 'cycle-timed-out' };

const DOWN = new ReplicatorError('It is down.', { code: 'repository-unreachable' });
const UNCHANGED: CycleReport = {
	outcome: 'unchanged',
	summary: 'Nothing changed.',
	needsDecision: false,
	details: [],
	heldRows: [],
	snapshotId: null,
	stages: {},
};

function setUp() {
	const beats: string[] = [];
	const observed: { outcome: string; durationMs: number }[] = [];
	const heartbeat: Heartbeat = {
		succeed: async () => void beats.push('good'),
		fail: async (message) => void beats.push(message),
	};
	const notices = new CycleNotices(createNotices({ ntfy: null, hostname: 'h', log: silent }), { heartbeat });
	const cycles = new Cycles({
		log: silent,
		notices,
		metrics: { observeCycle: ({ outcome, durationMs }) => void observed.push({ outcome, durationMs }) },
		limits: LIMITS,
	});
	return { cycles, beats, observed };
}

test('a cycle that hangs is a failure for status, heartbeat and metrics once it is given up', async () => {
	const { cycles, beats, observed } = setUp();

	const hanging = expect(cycles.report(() => new Promise(() => undefined))).rejects.toMatchObject(tooLong);
	await vi.advanceTimersByTimeAsync(1_100);
	await hanging;

	expect(cycles.last.lastError).toMatchObject(tooLong);
	expect(beats).toEqual([expect.stringContaining('1 s')]);
	expect(observed).toEqual([{ outcome: 'failed', durationMs: 1_100 }]);
});

test.each([
	['fails', () => Promise.reject(new TypeError('too late'))],
	['succeeds', async () => ({ ...UNCHANGED, summary: 'Too late.' })],
])('a cycle that was given up and %s much later changes nothing any more', async (_how, wakeUp) => {
	const { cycles, beats, observed } = setUp();
	const asleep = Promise.withResolvers<void>();

	const hanging = expect(cycles.report(() => asleep.promise.then(wakeUp))).rejects.toMatchObject(tooLong);
	await vi.advanceTimersByTimeAsync(1_100);
	await hanging;
	await cycles.report(async () => UNCHANGED);
	asleep.resolve();
	await vi.advanceTimersByTimeAsync(1_000);

	expect(cycles.last).toMatchObject({ lastError: null, lastCycle: { summary: UNCHANGED.summary } });
	expect(beats.at(-1)).toBe('good');
	expect(observed.map(({ outcome }) => outcome)).toEqual(['failed', 'unchanged']);
});

test('what a cycle took is without the wait for its turn', async () => {
	const { cycles, observed } = setUp();

	const cyclesDone = Promise.all([
		cycles.inTurn(() => new Promise((resolve) => setTimeout(resolve, 800))),
		cycles.report(() => new Promise((resolve) => setTimeout(resolve, 50, UNCHANGED))),
	]);
	await vi.advanceTimersByTimeAsync(1_000);
	await cyclesDone;

	expect(observed).toEqual([{ outcome: 'unchanged', durationMs: 50 }]);
});

test.each([
	['shows what would be done', async () => ({ ...UNCHANGED, outcome: 'planned' as const })],
	['fails', () => Promise.reject(new ReplicatorError('Not there.', { code: 'snapshot-not-found' }))],
])("a person's preview that %s says nothing of how replication goes", async (_how, preview) => {
	const { cycles, beats } = setUp();
	await cycles.report(async () => UNCHANGED);
	await cycles.report(() => Promise.reject(DOWN)).catch(() => undefined);
	const before = cycles.last;
	const beatsBefore = [...beats];

	await vi.advanceTimersByTimeAsync(60_000);
	await cycles.preview(preview).catch(() => undefined);

	expect(cycles.last).toBe(before);
	expect(beats).toEqual(beatsBefore);
});

test('an order of a person that is refused is no failure of replication', async () => {
	const { cycles, beats } = setUp();
	await cycles.report(async () => UNCHANGED);
	const refusal = new ReplicatorError('This instance is a replica.', { code: 'refused' });

	await expect(cycles.report(() => Promise.reject(refusal))).rejects.toBe(refusal);

	expect(cycles.last.lastError).toBeNull();
	expect(beats).toEqual(['good']);
});
