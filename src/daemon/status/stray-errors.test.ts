import { expect, test, vi } from 'vitest';
import type { Log } from '../../model/log.ts';
import { createStrayErrors } from './stray-errors.ts';

function makeStrays(log: Partial<Log> = {}) {
	const lines: string[] = [];
	const write = (message: string) => void lines.push(message);
	const clock = { now: 1_000_000 };
	const onFirst = vi.fn();
	const strays = createStrayErrors({
		log: { debug: write, info: write, warning: write, error: write, ...log },
		onFirst,
		now: () => clock.now,
	});
	return { strays, lines, clock, onFirst };
}

test('a flood is counted, and only the first few of a minute are logged', () => {
	const { strays, lines, clock, onFirst } = makeStrays();

	for (let index = 0; index < 10_000; index += 1) strays.note(new TypeError('x'), 'unhandledRejection');
	expect(lines).toHaveLength(5);
	clock.now += 60_000;
	strays.note(Object.assign(new Error('no file left'), { code: 'EMFILE' }), 'uncaughtException');

	expect(lines).toHaveLength(7);
	expect(lines[5]).toContain('More failures like these');
	expect(strays.seen).toEqual({
		count: 10_001,
		last: { message: 'Error (EMFILE)', at: new Date(clock.now).toISOString() },
	});
	expect(onFirst).toHaveBeenCalledTimes(1);
});

test('what is shown of one does not quote it', () => {
	const { strays } = makeStrays();

	strays.note(new Error('the password is hunter2'), 'unhandledRejection');
	strays.note('hunter2', 'unhandledRejection');

	expect(JSON.stringify(strays.seen)).not.toContain('hunter2');
	expect(strays.seen.last?.message).toBe('string');
});

test('a log that fails itself is not the end', () => {
	const { strays } = makeStrays({
		error: () => {
			throw new Error('the disk of the log is full');
		},
	});

	strays.note(new Error('x'), 'uncaughtException');

	expect(strays.seen.count).toBe(1);
});
