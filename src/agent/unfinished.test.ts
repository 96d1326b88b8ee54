import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type AgentChanges, NO_CHANGES } from '../model/agent-protocol.ts';
import { Unfinished } from './unfinished.ts';

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

function monitor(id: number): AgentChanges {
	return { ...NO_CHANGES, rows: [{ table: 'monitor', key: [id], kind: 'changed', columns: [] }] };
}

/** Tries what is due, which never succeeds. */
function brokenKuma() {
	const triedAt: number[] = [];
	const startedAt = Date.now();
	const unfinished = new Unfinished(() => {
		triedAt.push((Date.now() - startedAt) / 1_000);
		const open = unfinished.take();
		unfinished.settle(open, unfinished.problems);
	});
	return { unfinished, triedAt };
}

test('what fails is tried again ever more slowly, and never given up', () => {
	const { unfinished, triedAt } = brokenKuma();

	unfinished.add(monitor(7), 'monitor 7 could not be started: no');
	vi.advanceTimersByTime(3_600_000);

	expect(triedAt.slice(0, 8)).toEqual([5, 15, 35, 75, 155, 315, 615, 915]);
	expect(triedAt.at(-1)).toBeGreaterThan(3_300);
	expect(unfinished.problems).toEqual(['monitor 7 could not be started: no']);
	expect(unfinished.take()).toEqual(monitor(7));
});

test('when nothing is left, nothing is tried, and the next failure is tried again as soon as the first', () => {
	const { unfinished, triedAt } = brokenKuma();
	unfinished.add(monitor(7), 'first');
	vi.advanceTimersByTime(60_000);

	unfinished.take();
	unfinished.settle(null, []);
	const before = triedAt.length;
	vi.advanceTimersByTime(3_600_000);
	expect(unfinished.problems).toEqual([]);
	expect(triedAt.length).toBe(before);

	unfinished.add(monitor(8), 'second');
	vi.advanceTimersByTime(5_000);
	expect(triedAt.length).toBe(before + 1);
});

test('what fails while something is tried is not forgotten with it', () => {
	const { unfinished } = brokenKuma();
	unfinished.add(monitor(7), 'seven');

	unfinished.take();
	expect(unfinished.problems).toEqual(['seven']);
	unfinished.add(monitor(8), 'eight');
	unfinished.settle(null, []);

	expect(unfinished.problems).toEqual(['eight']);
	expect(unfinished.take()).toEqual(monitor(8));
});

test('what fails for hours stays as long as it is wide', () => {
	const { unfinished } = brokenKuma();

	for (let cycle = 0; cycle < 1_000; cycle += 1) unfinished.add(monitor(cycle % 3), `monitor ${cycle % 3}`);

	expect(unfinished.take().rows).toHaveLength(3);
});
