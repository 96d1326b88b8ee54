import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { StageTimes } from './stage-times.ts';

test('a stage that runs twice counts as a whole, and one that fails counts', async () => {
	const times = new StageTimes();
	const clock = (ms: number) => () => delay(ms);

	await times.measure('plan', clock(30));
	await times.measure('plan', clock(30));
	const failed = times.measure('apply', () => Promise.reject(new Error('no')));

	await expect(failed).rejects.toThrow('no');
	// A timer may be early by a fraction of a millisecond.
	expect(times.durations).toEqual({
		plan: expect.toSatisfy((ms: number) => ms >= 58),
		apply: expect.any(Number),
	});
});

test('what was measured is answered, and a stage that was done without is absent', async () => {
	const times = new StageTimes();

	const answer = await times.measure('poll', async () => 'head');

	expect(answer).toBe('head');
	expect(Object.keys(times.durations)).toEqual(['poll']);
});
