import { expect, test } from 'vitest';
import { ResticTally } from './restic-tally.ts';

test('calls of restic are counted with their time, and those that failed, but not those that had to end', () => {
	const tally = new ResticTally(() => Date.UTC(2026, 10, 24, 12));
	expect(tally.use).toEqual({ calls: 0, failedCalls: 0, totalMs: 0, last: null });

	tally.count({ command: 'snapshots', outcome: 'succeeded', durationMs: 400 });
	tally.count({ command: 'backup', outcome: 'failed', durationMs: 900 });
	tally.count({ command: 'snapshots', outcome: 'timed-out', durationMs: 60_000 });
	tally.count({ command: 'snapshots', outcome: 'interrupted', durationMs: 100 });

	expect(tally.use).toEqual({
		calls: 4,
		failedCalls: 2,
		totalMs: 61_400,
		last: {
			command: 'snapshots',
			outcome: 'interrupted',
			durationMs: 100,
			finishedAt: '2026-11-24T12:00:00.000Z',
		},
	});
});
