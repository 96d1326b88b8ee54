import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { retryAfterMs } from './retry-after.ts';

beforeEach(() => void vi.useFakeTimers({ now: Date.parse('2026-01-02T03:04:05Z') }));
afterEach(() => void vi.useRealTimers());

test.each([
	[null, null],
	['7', 7_000],
	[' 7 ', 7_000],
	['0', 0],
	['Fri, 02 Jan 2026 03:04:35 GMT', 30_000],
	['Fri, 02 Jan 2026 03:00:00 GMT', 0],
	['soon', null],
	['-5', 0],
	['999999999999999999999', 3_600_000],
	['Fri, 02 Jan 2099 03:00:00 GMT', 3_600_000],
])('%j means %j ms', (header, ms) => {
	expect(retryAfterMs(header)).toBe(ms);
});
