import { expect, test } from 'vitest';
import { createFleetKey } from './fleet-key.ts';

function setUp(options: { failsFirst?: boolean } = {}) {
	let now = 0;
	let calls = 0;
	const key = createFleetKey({
		password: async () => 'sesame',
		repositoryId: async () => {
			calls += 1;
			if (options.failsFirst && calls === 1) throw new Error('unreachable');
			return `repository-${calls}`;
		},
		now: () => now,
	});
	return { key, calls: () => calls, pass: (ms: number) => (now += ms) };
}

test('the key is made once, however many ask for it at once and later', async () => {
	const { key, calls } = setUp();

	const [first, second] = await Promise.all([key.get(), key.get()]);

	expect(first).toBe(second);
	expect(await key.get()).toBe(first);
	expect(calls()).toBe(1);
});

test('what failed is tried again by whoever asks next', async () => {
	const { key, calls } = setUp({ failsFirst: true });

	await expect(key.get()).rejects.toThrow('unreachable');
	await key.get();

	expect(calls()).toBe(2);
});

test('a key that something did not open with is made anew, but not again and again', async () => {
	const { key, calls, pass } = setUp();
	const first = await key.get();

	key.renew();
	expect(await key.get()).toBe(first);
	pass(10 * 60 * 1000);
	key.renew();
	const renewed = await key.get();
	key.renew();

	expect(renewed.equals(first)).toBe(false);
	expect(await key.get()).toBe(renewed);
	expect(calls()).toBe(2);
});
