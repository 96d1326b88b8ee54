import { expect, test } from 'vitest';
import { backOffMs, randomBackOffMs } from './back-off.ts';

const MINUTE = { firstMs: 1_000, maxMs: 60_000 };

test('the wait doubles up to the longest one, and stays there', () => {
	const delays = [1, 2, 3, 4, 5, 6, 7, 8, 2_000].map((count) => backOffMs(count, MINUTE));

	expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test('half of a random wait is waited in any case', () => {
	expect(randomBackOffMs(3, { ...MINUTE, random: () => 0 })).toBe(4_000);
	expect(randomBackOffMs(3, { ...MINUTE, random: () => 0.5 })).toBe(3_000);
	expect(randomBackOffMs(3, { ...MINUTE, random: () => 0.999_999 })).toBeCloseTo(2_000, 0);
});
