import { describe, expect, test } from 'vitest';
import { type LoopClock, type LoopOptions, runLoop } from './loop.ts';

/** Time that passes only when a test says so. It remembers what it was asked to wait for. */
class FakeClock implements LoopClock {
	readonly delays: number[] = [];
	#pass: (() => void) | undefined;
	#asked = Promise.withResolvers<void>();

	async delay({ ms, signal }: { ms: number; signal: AbortSignal }): Promise<void> {
		if (signal.aborted) return;
		this.delays.push(ms);
		this.#asked.resolve();
		await new Promise<void>((resolve) => {
			this.#pass = resolve;
			signal.addEventListener('abort', () => resolve(), { once: true });
		});
	}

	/** Resolves when the loop waits. */
	async waiting(): Promise<void> {
		await this.#asked.promise;
		this.#asked = Promise.withResolvers<void>();
	}

	pass(): void {
		this.#pass?.();
	}
}

function setUp(results: ('good' | 'bad')[], options: Partial<LoopOptions<number>> = {}) {
	const clock = new FakeClock();
	const stop = new AbortController();
	const outcomes: number[] = [];
	const errors: { failureCount: number; retryInMs: number }[] = [];
	let cycleCount = 0;
	const loop = runLoop<number>({
		cycle: async () => {
			cycleCount += 1;
			if (results[cycleCount - 1] === 'bad') throw new Error('repository is away');
			return cycleCount;
		},
		intervalMs: 300_000,
		signal: stop.signal,
		onOutcome: (outcome) => outcomes.push(outcome),
		onError: (_, next) => errors.push({ ...next }),
		clock,
		random: () => 0,
		...options,
	});
	return { clock, stop, outcomes, errors, loop };
}

describe('after a cycle', () => {
	test('that went well the loop waits for the interval', async () => {
		const { clock, stop, outcomes, loop } = setUp([]);

		await clock.waiting();
		clock.pass();
		await clock.waiting();
		stop.abort();
		await loop.finished;

		expect(outcomes).toEqual([1, 2]);
		expect(clock.delays).toEqual([300_000, 300_000]);
	});

	test('that failed it waits longer each time, up to the limit, and forgets that after a good one', async () => {
		const { clock, stop, errors, loop } = setUp(['bad', 'bad', 'bad', 'bad', 'good', 'bad'], {
			backOff: { maxMs: 20_000 },
		});

		for (let cycle = 1; cycle <= 6; cycle += 1) {
			await clock.waiting();
			clock.pass();
		}
		stop.abort();
		await loop.finished;

		expect(clock.delays.slice(0, 6)).toEqual([5_000, 10_000, 20_000, 20_000, 300_000, 5_000]);
		expect(errors.map(({ failureCount }) => failureCount)).toEqual([1, 2, 3, 4, 1]);
	});

	test('that failed it never waits longer than for the interval', async () => {
		const { clock, stop, loop } = setUp(['bad'], { intervalMs: 2_000, backOff: { maxMs: 60_000 } });

		await clock.waiting();
		stop.abort();
		await loop.finished;

		expect(clock.delays).toEqual([2_000]);
	});
});

describe('instances that started at the same moment', () => {
	test('do not stay in step: each wait is a little shorter than it may be', async () => {
		const { clock, stop, loop } = setUp(['good', 'bad', 'bad'], { random: () => 0.5 });

		for (let cycle = 1; cycle <= 3; cycle += 1) {
			await clock.waiting();
			clock.pass();
		}
		stop.abort();
		await loop.finished;

		expect(clock.delays.slice(0, 3)).toEqual([285_000, 3_750, 7_500]);
	});

	test('wait for most of the interval, and for half of a wait after a failure at least', async () => {
		const { clock, stop, errors, loop } = setUp(['good', 'bad'], { random: () => 1 - Number.EPSILON });

		await clock.waiting();
		clock.pass();
		await clock.waiting();
		stop.abort();
		await loop.finished;

		expect(clock.delays[0]).toBeCloseTo(270_000);
		expect(clock.delays[1]).toBe(2_500);
		expect(errors).toEqual([{ failureCount: 1, retryInMs: 2_500 }]);
	});
});

describe('a wake', () => {
	test('ends a wait', async () => {
		const { clock, stop, outcomes, loop } = setUp([]);

		await clock.waiting();
		loop.wake();
		await clock.waiting();
		stop.abort();
		await loop.finished;

		expect(outcomes).toEqual([1, 2]);
	});

	test('ends a wait after a failure', async () => {
		const { clock, stop, outcomes, loop } = setUp(['bad']);

		await clock.waiting();
		loop.wake();
		await clock.waiting();
		stop.abort();
		await loop.finished;

		expect(outcomes).toEqual([2]);
	});

	test.each([1, 5])(
		'during a cycle, %i times, makes exactly one more follow it, never beside it',
		async (times) => {
			const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
			let runningCount = 0;
			let runningMax = 0;
			let cycleCount = 0;
			const { clock, stop, outcomes, loop } = setUp([], {
				cycle: async () => {
					runningCount += 1;
					runningMax = Math.max(runningMax, runningCount);
					await gates[cycleCount++]?.promise;
					runningCount -= 1;
					return cycleCount;
				},
			});

			for (let count = 0; count < times; count += 1) loop.wake();
			gates[0]?.resolve();
			gates[1]?.resolve();
			await clock.waiting();
			stop.abort();
			await loop.finished;

			expect(outcomes).toEqual([1, 2]);
			expect(runningMax).toBe(1);
		},
	);
});

describe('an abort', () => {
	test('during a wait ends the loop without another cycle', async () => {
		const { clock, stop, outcomes, loop } = setUp([]);

		await clock.waiting();
		stop.abort();
		await loop.finished;

		expect(outcomes).toEqual([1]);
	});

	test('during a cycle lets that one finish and starts no other, even after a wake', async () => {
		const gate = Promise.withResolvers<void>();
		const { clock, stop, outcomes, loop } = setUp([], { cycle: () => gate.promise.then(() => 1) });
		let hasFinished = false;
		const finished = loop.finished.then(() => {
			hasFinished = true;
		});

		loop.wake();
		stop.abort();
		await new Promise((resolve) => setImmediate(resolve));
		expect(hasFinished).toBe(false);
		gate.resolve();
		await finished;

		expect(outcomes).toEqual([1]);
		expect(clock.delays).toEqual([]);
	});

	test('before the start means that nothing is done', async () => {
		const { outcomes, loop } = setUp([], { signal: AbortSignal.abort() });

		await loop.finished;

		expect(outcomes).toEqual([]);
	});
});

test('with the clock of the wall a wake and an abort end a long wait at once', async () => {
	const stop = new AbortController();
	const second = Promise.withResolvers<void>();
	let cycleCount = 0;
	const loop = runLoop({
		cycle: async () => {
			cycleCount += 1;
			return cycleCount;
		},
		intervalMs: 3_600_000,
		signal: stop.signal,
		onOutcome: (count) => {
			if (count === 1) setImmediate(() => loop.wake());
			else second.resolve();
		},
		onError: () => {},
	});

	await second.promise;
	setImmediate(() => stop.abort());

	await expect(loop.finished).resolves.toBeUndefined();
	expect(cycleCount).toBe(2);
});
