import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { limitNudges } from './nudge-limiter.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A limiter that rests for 2 s, whose jitter is a quarter of a second. */
function start(random = () => 0.5) {
	const begin = performance.now();
	const calledAtMs: number[] = [];
	const limiter = limitNudges({
		onNudge: () => calledAtMs.push(Math.round(performance.now() - begin)),
		jitterMs: 500,
		spacingMs: 2_000,
		random,
	});
	return { limiter, calledAtMs };
}

test('the first nudge is passed on after its jitter', () => {
	const { limiter, calledAtMs } = start();

	limiter.nudge();
	vi.advanceTimersByTime(10_000);

	expect(calledAtMs).toEqual([250]);
});

test('the jitter is drawn anew for each burst', () => {
	const draws = [0, 0.9];
	const { limiter, calledAtMs } = start(() => draws.shift() ?? 0);

	limiter.nudge();
	vi.advanceTimersByTime(10_000);
	limiter.nudge();
	vi.advanceTimersByTime(10_000);

	expect(calledAtMs).toEqual([0, 10_450]);
});

test('a nudge during the rest is passed on at its end', () => {
	const { limiter, calledAtMs } = start();

	limiter.nudge();
	vi.advanceTimersByTime(251);
	limiter.nudge();
	limiter.nudge();
	vi.advanceTimersByTime(10_000);

	expect(calledAtMs).toEqual([250, 2_250]);
});

test('a flood becomes one call in two seconds', () => {
	const { limiter, calledAtMs } = start();

	for (let ms = 0; ms < 20_000; ms += 1) {
		limiter.nudge();
		vi.advanceTimersByTime(1);
	}

	expect(calledAtMs).toHaveLength(10);
});

test('whoever nudges while called is called again', () => {
	let count = 0;
	const limiter = limitNudges({
		onNudge: () => {
			count += 1;
			if (count < 3) limiter.nudge();
		},
	});

	limiter.nudge();
	vi.advanceTimersByTime(60_000);

	expect(count).toBe(3);
});

test('after cancel nobody is called, not even by a late nudge', () => {
	const { limiter, calledAtMs } = start();

	limiter.nudge();
	limiter.cancel();
	limiter.nudge();
	vi.advanceTimersByTime(60_000);

	expect(calledAtMs).toEqual([]);
	expect(vi.getTimerCount()).toBe(0);
});

test('whatever the pauses between nudges, calls are spaced and none is lost', () => {
	const nudges = fc.array(fc.tuple(fc.integer({ min: 0, max: 5_000 }), fc.double({ min: 0, max: 0.99 })), {
		minLength: 1,
		maxLength: 50,
	});
	fc.assert(
		fc.property(nudges, (steps) => {
			const draws = steps.map(([, draw]) => draw);
			const begin = performance.now();
			const { limiter, calledAtMs } = start(() => draws.shift() ?? 0);

			for (const [pauseMs] of steps) {
				vi.advanceTimersByTime(pauseMs);
				limiter.nudge();
			}
			const lastNudgeAtMs = Math.round(performance.now() - begin);
			vi.advanceTimersByTime(10_000);

			const gaps = calledAtMs.slice(1).map((at, index) => at - (calledAtMs[index] ?? 0));
			expect(Math.min(...gaps, 2_000)).toBe(2_000);
			expect(calledAtMs.at(-1)).toBeGreaterThanOrEqual(lastNudgeAtMs);
			expect(calledAtMs.at(-1)).toBeLessThanOrEqual(lastNudgeAtMs + 2_000);
		}),
	);
});
