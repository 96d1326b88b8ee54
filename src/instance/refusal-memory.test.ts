import { expect, test } from 'vitest';
import type { Refusals } from '../model/refusal.ts';
import { createRefusalMemory } from './refusal-memory.ts';

const MINUTE_MS = 60_000;
const REFUSED: Refusals = {
	rows: [{ table: 'tag', key: '1', verb: 'update', isUntouchable: false, reason: 'no' }],
	files: new Map(),
};

test('what was refused is not tried again until its time has come, and then ever more rarely', () => {
	const memory = createRefusalMemory();
	const tried: number[] = [];

	memory.remember(REFUSED, 'mark', 0);
	for (let minute = 1; minute <= 24 * 60; minute += 1) {
		const now = minute * MINUTE_MS;
		if (memory.inForce('mark', now).rows.length > 0) continue;
		tried.push(minute);
		memory.remember(REFUSED, 'mark', now);
	}

	expect(tried.slice(0, 6)).toEqual([5, 15, 35, 75, 135, 195]);
	expect(tried).toHaveLength(26);
});

test('it is tried at once when the row or the rules have changed, or a person asks', () => {
	const memory = createRefusalMemory();
	memory.remember(REFUSED, 'mark', 0);

	expect(memory.inForce('mark', MINUTE_MS)).toBe(REFUSED);
	expect(memory.inForce('another mark', MINUTE_MS).rows).toEqual([]);
	memory.tryAgain();
	expect(memory.inForce('mark', MINUTE_MS).rows).toEqual([]);
});

test('a plan that nothing was left out of is no reason to look again', () => {
	const memory = createRefusalMemory();

	memory.notePlan({ mayPass: true }, 0);
	expect([memory.isTimeToLook(MINUTE_MS / 2), memory.isTimeToLook(MINUTE_MS)]).toEqual([false, true]);
	memory.notePlan({ mayPass: false }, MINUTE_MS);
	expect(memory.isTimeToLook(100 * MINUTE_MS)).toBe(false);
});
