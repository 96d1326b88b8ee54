import { expect, test } from 'vitest';
import { stagger } from './stagger.ts';

/** @returns when each of so many items starts, in milliseconds of a clock that only the pauses move. */
async function startTimes(count: number): Promise<number[]> {
	const times: number[] = [];
	let now = 0;
	await stagger(
		Array.from({ length: count }),
		async (some) => {
			times.push(...some.map(() => now));
		},
		async (ms) => {
			now += ms;
		},
	);
	return times;
}

test('a few start at once', async () => {
	expect(await startTimes(5)).toEqual([0, 0, 0, 0, 0]);
});

test('however many there are, no second sees more than 50 starts, and 100 take less than two', async () => {
	const times = await startTimes(500);

	for (const from of times) {
		expect(times.filter((time) => time >= from && time < from + 1_000).length).toBeLessThanOrEqual(50);
	}
	expect(times[99]).toBeLessThan(2_000);
	expect(times).toHaveLength(500);
});
