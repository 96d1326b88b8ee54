import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GivingWay } from './giving-way.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const silent = { info() {} };

/** Work that hangs until it is given up. @returns how long that took from when it was hurried, at its beginning. */
async function hang(givingWay: GivingWay): Promise<number> {
	const startedAt = performance.now();
	let givenUpAt = Number.NaN;
	const work = givingWay.run(
		(signal) =>
			new Promise((_resolve, reject) => {
				signal.addEventListener('abort', () => {
					givenUpAt = performance.now();
					reject(signal.reason);
				});
			}),
	);
	const given = expect(work).rejects.toMatchObject({ code: 'interrupted' });
	givingWay.hurry();
	await vi.advanceTimersByTimeAsync(400_000);
	await given;
	return givenUpAt - startedAt;
}

function take(givingWay: GivingWay, ms: number): Promise<unknown> {
	const work = givingWay.run(() => new Promise<void>((resolve) => setTimeout(resolve, ms)));
	return Promise.all([work, vi.advanceTimersByTimeAsync(ms)]);
}

test('what hangs is given up for what waits, later each time, but never later than five minutes', async () => {
	const givingWay = new GivingWay({ log: silent });
	const waits: number[] = [];

	for (let count = 0; count < 8; count += 1) waits.push(await hang(givingWay));

	expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
});

test('work that ends well says how long the next one may take', async () => {
	const givingWay = new GivingWay({ log: silent });
	await hang(givingWay);

	await take(givingWay, 12_000);
	const afterSlow = await hang(givingWay);
	await take(givingWay, 100);
	const afterQuick = await hang(givingWay);

	expect([afterSlow, afterQuick]).toEqual([24_000, 5_000]);
});

test('work for which nothing waits goes on, and what ends late does not speak for the work behind it', async () => {
	const givingWay = new GivingWay({ log: silent });
	let endLate = () => {};
	const late = givingWay.run(
		() =>
			new Promise<void>((resolve) => {
				endLate = resolve;
			}),
	);
	await vi.advanceTimersByTimeAsync(600_000);

	const next = hang(givingWay);
	endLate();
	await late;

	expect([await next, await hang(givingWay)]).toEqual([5_000, 10_000]);
});
