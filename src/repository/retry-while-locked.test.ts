import { expect, test, vi } from 'vitest';
import { ReplicatorError } from '../model/replicator-error.ts';
import { retryWhileLocked } from './retry-while-locked.ts';

const PAUSE_MS = 1_000;

/** A repository that is locked for some attempts. */
function attempts(lockedFor: number) {
	const at: number[] = [];
	const unlocked: number[] = [];
	const startedAt = performance.now();
	const call = async () => {
		at.push(performance.now() - startedAt);
		if (at.length <= lockedFor) throw new ReplicatorError('It is locked.', { code: 'repository-locked' });
		return 'done';
	};
	const unlock = async (failures: number) => {
		unlocked.push(failures);
	};
	return { at, unlocked, run: () => retryWhileLocked(call, { unlock, pauseMs: PAUSE_MS }) };
}

test('a lock that somebody left behind costs no pause', async () => {
	const { at, unlocked, run } = attempts(1);
	vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });

	try {
		expect(await run()).toBe('done');
	} finally {
		vi.useRealTimers();
	}

	expect(at).toHaveLength(2);
	expect(unlocked).toEqual([1]);
});

test('while somebody is at work, the pauses double, and after six attempts the failure is told', async () => {
	vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
	try {
		const { at, unlocked, run } = attempts(Number.POSITIVE_INFINITY);
		const refused = expect(run()).rejects.toThrow('It is locked.');
		await vi.advanceTimersByTimeAsync(60_000);
		await refused;

		expect(at.map((ms) => Math.round(ms / PAUSE_MS))).toEqual([0, 0, 1, 3, 7, 11]);
		expect(unlocked).toEqual([1, 2, 3, 4, 5]);
	} finally {
		vi.useRealTimers();
	}
});

test('what is no lock is not tried again', async () => {
	const call = vi.fn().mockRejectedValue(new Error('no route'));
	const unlock = vi.fn();

	await expect(retryWhileLocked(call, { unlock, pauseMs: PAUSE_MS })).rejects.toThrow('no route');

	expect(call).toHaveBeenCalledTimes(1);
	expect(unlock).not.toHaveBeenCalled();
});
