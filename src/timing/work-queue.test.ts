import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WorkQueue } from './work-queue.ts';

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

const LIMITS = { limitMs: 1_000, graceMs: 100 };
const forever = () => new Promise<never>(() => undefined);
const tooLong = { code: 'cycle-timed-out', isRetryable: true };

test('work that hangs for ever is given up, and the next one has its turn', async () => {
	const queue = new WorkQueue(LIMITS);

	const hanging = expect(queue.run(forever)).rejects.toMatchObject(tooLong);
	const next = queue.run(async () => 'done');
	await vi.advanceTimersByTimeAsync(1_100);

	await hanging;
	expect(await next).toBe('done');
});

test('work that heeds its signal ends at once, and undoes what it has begun before the next one begins', async () => {
	const queue = new WorkQueue(LIMITS);
	const order: string[] = [];

	const heeding = queue.run(async (signal) => {
		await new Promise((resolve) => signal.addEventListener('abort', resolve));
		await new Promise((resolve) => setTimeout(resolve, 50));
		order.push('undone');
		signal.throwIfAborted();
	});
	const failed = expect(heeding).rejects.toMatchObject(tooLong);
	const next = queue.run(async () => order.push('next'));
	await vi.advanceTimersByTimeAsync(1_050);

	await failed;
	await next;
	expect(order).toEqual(['undone', 'next']);
});

test('whatever cut work fails with, it is told that it took too long', async () => {
	const queue = new WorkQueue(LIMITS);

	const cut = queue.run(async (signal) => {
		await new Promise((resolve) => signal.addEventListener('abort', resolve));
		throw new TypeError('a socket is gone');
	});
	const failed = expect(cut).rejects.toMatchObject({ ...tooLong, message: expect.stringContaining('1 s') });
	await vi.advanceTimersByTimeAsync(1_000);

	await failed;
});

test('the limit counts from the turn, not from the wait for it, and can be another one', async () => {
	const queue = new WorkQueue(LIMITS);
	const take = (ms: number) => () => new Promise((resolve) => setTimeout(resolve, ms, `${ms} ms`));

	const results = Promise.all([
		queue.run(take(900)),
		queue.run(take(900)),
		queue.run(take(5_000), 6_000),
		queue.run(take(900)),
	]);
	await vi.advanceTimersByTimeAsync(7_700);

	expect(await results).toEqual(['900 ms', '900 ms', '5000 ms', '900 ms']);
});

test('what fails by itself keeps its failure, and keeps nobody waiting', async () => {
	const queue = new WorkQueue(LIMITS);
	const failure = new Error('on purpose');

	await expect(queue.run(() => Promise.reject(failure))).rejects.toBe(failure);
	expect(await queue.run(async () => 'next')).toBe('next');
});

describe('at a stop', () => {
	const stopped = { code: 'interrupted' };

	test('work that heeds its signal undoes what it has begun, and whatever waits never begins', async () => {
		const queue = new WorkQueue(LIMITS);
		const order: string[] = [];
		const heeding = expect(
			queue.run(async (signal) => {
				await new Promise((resolve) => signal.addEventListener('abort', resolve));
				await new Promise((resolve) => setTimeout(resolve, 50));
				order.push('undone');
				signal.throwIfAborted();
			}),
		).rejects.toMatchObject(stopped);
		const waiting = expect(queue.run(async () => order.push('next'))).rejects.toMatchObject(stopped);
		await vi.advanceTimersByTimeAsync(1);

		queue.stop();
		await vi.advanceTimersByTimeAsync(50);

		await heeding;
		await waiting;
		expect(order).toEqual(['undone']);
	});

	test.each([
		['since a moment', 1, stopped],
		['for so long that it was given up already', 1_010, tooLong],
	])(
		'work that hangs %s is waited for no longer than a stop may take',
		{ timeout: 5_000 },
		async (_how, hangsMs, failure) => {
			const queue = new WorkQueue({ limitMs: 1_000, graceMs: 60_000, stopGraceMs: 20 });
			const hanging = expect(queue.run(forever)).rejects.toMatchObject(failure);
			await vi.advanceTimersByTimeAsync(hangsMs);

			queue.stop();

			await hanging;
		},
	);

	test('nothing has its turn any more after it', async () => {
		const queue = new WorkQueue(LIMITS);
		const work = vi.fn();

		queue.stop();

		await expect(queue.run(work)).rejects.toMatchObject(stopped);
		expect(work).not.toHaveBeenCalled();
	});
});
