import { expect, test, vi } from 'vitest';
import { stayConnected } from './stay-connected.ts';

function connections(ends: readonly { readonly wasStable: boolean; readonly waitMs?: number }[]) {
	const stop = new AbortController();
	const retries: number[] = [];
	let count = 0;
	const finished = stayConnected({
		connect: async () => ({ reason: 'over', ...(ends[count++] ?? { wasStable: false }) }),
		onEnd: (_reason, { retryInMs }) => {
			retries.push(retryInMs);
			if (retries.length >= ends.length) stop.abort();
		},
		backOff: { firstMs: 4, maxMs: 64 },
		signal: stop.signal,
		random: () => 0,
	});
	return { retries, finished };
}

test('failures in a row are waited out ever longer, and a connection that lasted begins a new row', async () => {
	const unstable = { wasStable: false };
	const { retries, finished } = connections([unstable, unstable, unstable, { wasStable: true }, unstable]);

	await finished;

	expect(retries).toEqual([4, 8, 16, 4, 8]);
});

test('a server that asks for a longer wait gets it', async () => {
	const { retries, finished } = connections([
		{ wasStable: false, waitMs: 30 },
		{ wasStable: false, waitMs: 1 },
	]);

	await finished;

	expect(retries).toEqual([30, 8]);
});

test('whoever stops it does not wait for the pause, and hears nothing more', async () => {
	const stop = new AbortController();
	const onEnd = vi.fn();
	const finished = stayConnected({
		connect: async () => ({ reason: 'over', wasStable: false }),
		onEnd,
		backOff: { firstMs: 60_000, maxMs: 60_000 },
		signal: stop.signal,
	});
	await vi.waitFor(() => expect(onEnd).toHaveBeenCalledTimes(1));

	stop.abort();
	await finished;

	expect(onEnd).toHaveBeenCalledTimes(1);
});
