import { expect, test } from 'vitest';
import { judgeHealth } from './health.ts';

const NOON = Date.UTC(2026, 10, 24, 12);
const SECOND = 1000;
const WORKING = { state: 'working', trouble: null } as const;

const failure = {
	code: 'repository-unreachable',
	message: 'restic, repository s3:secret-bucket',
	hint: null,
	at: '2026-11-24T12:00:00.000Z',
};

const BEATING = {
	state: 'running',
	beats: { state: 'beating', monitors: 3, lastBeatAt: null, lastError: null },
} as const;

function judge(seconds: number, lastSuccessAt: string | null, lastError: typeof failure | null = null) {
	const now = NOON + seconds * SECOND;
	return judgeHealth({
		status: { lastSuccessAt, lastError, lastCycle: null, replication: WORKING, kuma: BEATING },
		startedAt: NOON,
		now,
		intervalMs: 60 * SECOND,
	});
}

test('replication is healthy until three intervals have gone by without a success', () => {
	const at = new Date(NOON).toISOString();

	expect(judge(180, at)).toEqual({ isHealthy: true });
	expect(judge(181, at)).toEqual({
		isHealthy: false,
		reason:
			'Replication has not succeeded since 2026-11-24T12:00:00.000Z, for more than 3 intervals of 60 s.',
	});
});

test('a failure alone is not unhealthy, and what it says is not told to everybody', () => {
	const at = new Date(NOON).toISOString();

	expect(judge(60, at, failure)).toEqual({ isHealthy: true });
	expect(JSON.stringify(judge(200, at, failure))).toContain('(repository-unreachable)');
	expect(JSON.stringify(judge(200, at, failure))).not.toContain('secret');
});

test('what waits for a person is the reason when nothing failed', () => {
	const lastCycle = {
		outcome: 'held' as const,
		summary: 'It would delete 12 of 12 monitors.',
		needsDecision: true,
		details: [],
		heldRows: [],
		snapshotId: null,
		finishedAt: '2026-11-24T12:03:00.000Z',
		durationMs: 1,
		stages: {},
	};
	const health = judgeHealth({
		status: {
			lastSuccessAt: new Date(NOON).toISOString(),
			lastError: null,
			lastCycle,
			replication: WORKING,
			kuma: BEATING,
		},
		startedAt: NOON,
		now: NOON + 181 * SECOND,
		intervalMs: 60 * SECOND,
	});

	expect(health).toMatchObject({ isHealthy: false, reason: expect.stringMatching(/ \(held\)\.$/) });
	expect(JSON.stringify(health)).not.toContain('monitors');
});

test('an instance that has just started has as much time for its first success', () => {
	expect(judge(180, null, failure)).toEqual({ isHealthy: true });
	expect(JSON.stringify(judge(181, null, failure))).toContain('since its start');
});

test('replication that is down is unhealthy at once, and its own words are not told to everybody', () => {
	const trouble = {
		part: 'replication',
		code: 'state-corrupt',
		message: '/app/data/replicator-kuma/state.json is damaged',
		hint: null,
		since: '2026-11-24T12:00:00.000Z',
		retryAt: null,
	};

	const health = judgeHealth({
		status: {
			lastSuccessAt: new Date(NOON).toISOString(),
			lastError: null,
			lastCycle: null,
			replication: { state: 'down', trouble },
			kuma: BEATING,
		},
		startedAt: NOON,
		now: NOON + SECOND,
		intervalMs: 60 * SECOND,
	});

	expect(health).toEqual({
		isHealthy: false,
		reason: 'Replication is down since 2026-11-24T12:00:00.000Z (state-corrupt).',
	});
});

test('a Kuma that does not beat is unhealthy, however well replication goes, and why is not told to everybody', () => {
	const at = new Date(NOON).toISOString();
	const judgeBeats = (lastBeatAt: string | null) =>
		judgeHealth({
			status: {
				lastSuccessAt: at,
				lastError: null,
				lastCycle: null,
				replication: WORKING,
				kuma: { ...BEATING, beats: { state: 'missing', monitors: 3, lastBeatAt, lastError: 'a secret' } },
			},
			startedAt: NOON,
			now: NOON,
			intervalMs: 60 * SECOND,
		});

	expect(judgeBeats(at)).toEqual({
		isHealthy: false,
		reason: 'No monitor of Uptime Kuma has beaten since 2026-11-24T12:00:00.000Z.',
	});
	expect(judgeBeats(null)).toMatchObject({ reason: expect.stringContaining('since it was started') });
});

test.each([
	['stopped', false],
	['backing-off', false],
	['starting', true],
	['running', true],
	['stopping', true],
] as const)('with a Kuma that is %s, being healthy is %s', (state, isHealthy) => {
	const health = judgeHealth({
		status: {
			lastSuccessAt: new Date(NOON).toISOString(),
			lastError: null,
			lastCycle: null,
			replication: WORKING,
			kuma: { ...BEATING, state },
		},
		startedAt: NOON,
		now: NOON,
		intervalMs: 60 * SECOND,
	});

	expect(health.isHealthy).toBe(isHealthy);
});
