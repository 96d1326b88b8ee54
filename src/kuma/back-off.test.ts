import { expect, test } from 'vitest';
import { DEFAULT_BACK_OFF, nextStartDelayMs } from './back-off.ts';

test('the wait doubles from one second to one minute and stays there', () => {
	const delays = [1, 2, 3, 4, 5, 6, 7, 8, 2_000].map((count) => nextStartDelayMs(count, DEFAULT_BACK_OFF));

	expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});
