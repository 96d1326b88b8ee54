import { expect, test, vi } from 'vitest';
import { followNewest } from './follow-newest.ts';

/** Something to follow that goes on until it is told how it went. */
function setUp(restMs = 0) {
	const followed: number[] = [];
	const ends: ((isGood: boolean) => void)[] = [];
	const follower = followNewest<number>({
		restMs,
		onError: (error) => expect.fail(String(error)),
		follow: (item) => {
			followed.push(item);
			return new Promise((resolve) => ends.push(resolve));
		},
	});
	const end = async (isGood = true) => {
		ends.shift()?.(isGood);
		await new Promise((resolve) => setImmediate(resolve));
	};
	return { follower, followed, end };
}

test('one thing is followed at a time, and of those that come meanwhile the newest', async () => {
	const { follower, followed, end } = setUp();

	for (const item of [1, 2, 3, 4]) follower.follow(item);
	expect(followed).toEqual([1]);
	await end();
	expect(followed).toEqual([1, 4]);
	await end();
	follower.follow(5);

	expect(followed).toEqual([1, 4, 5]);
});

test('after what went wrong it rests, and then follows the newest', async () => {
	const { follower, followed, end } = setUp(50);
	follower.follow(1);
	await end(false);

	follower.follow(2);
	follower.follow(3);
	expect(followed).toEqual([1]);

	await vi.waitFor(() => expect(followed).toEqual([1, 3]), { timeout: 5_000 });
});

test('a rest behind which nothing waits ends as if nothing had been', async () => {
	const { follower, followed, end } = setUp(1);
	follower.follow(1);
	await end(false);

	await vi.waitFor(
		() => {
			follower.follow(2);
			expect(followed).toEqual([1, 2]);
		},
		{ timeout: 5_000 },
	);
});

test('after the stop nothing is followed', async () => {
	const { follower, followed, end } = setUp();
	follower.follow(1);
	follower.follow(2);

	follower.stop();
	await end();
	follower.follow(3);

	expect(followed).toEqual([1]);
});

test('what cannot be followed at all is logged, counts as gone wrong, and the newest is followed after it', async () => {
	const followed: number[] = [];
	const onError = vi.fn();
	const failure = new Error('its turn took too long');
	const follower = followNewest<number>({
		restMs: 1,
		onError,
		follow: async (item) => {
			followed.push(item);
			if (item === 1) throw failure;
			return true;
		},
	});

	follower.follow(1);
	follower.follow(2);

	await vi.waitFor(() => expect(followed).toEqual([1, 2]), { timeout: 5_000 });
	expect(onError.mock.calls).toEqual([[failure]]);
});
