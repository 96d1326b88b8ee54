import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BEAT_TICK_MS, type BeatingMonitor, BeatWatch, beatsByItself } from './beat-watch.ts';

function monitor(id: number, intervalSeconds: number, more: Partial<BeatingMonitor> = {}): BeatingMonitor {
	return { id, intervalSeconds, retryIntervalSeconds: 0, timeoutSeconds: 0.8 * intervalSeconds, ...more };
}

interface Course {
	readonly monitors: readonly BeatingMonitor[];
	/** When a monitor beats, in seconds; none where it does not. */
	readonly beatsAt: (monitor: BeatingMonitor) => readonly number[];
	readonly seconds: number;
	/** Times, in seconds, at which the machine is suspended, and for how long. */
	readonly frozen?: readonly (readonly [number, number])[];
}

/** Lets time pass tick by tick. @returns at which second the alarm began and ended. */
function pass({ monitors, beatsAt, seconds, frozen = [] }: Course) {
	const watch = new BeatWatch();
	const changes: [string, number][] = [];
	const beats = monitors
		.flatMap((each) => beatsAt(each).map((at) => ({ id: each.id, at })))
		.sort((left, right) => left.at - right.at);
	const isFrozen = (at: number) => frozen.some(([from, length]) => at >= from && at < from + length);
	let isMissing = false;
	let next = 0;
	for (let at = 0; at <= seconds; at += BEAT_TICK_MS / 1_000) {
		if (isFrozen(at)) continue;
		for (; next < beats.length; next += 1) {
			const beat = beats[next];
			if (beat === undefined || beat.at > at) break;
			if (!isFrozen(beat.at)) watch.note(beat.id, beat.at * 1_000);
		}
		const report = watch.judge(monitors, at * 1_000);
		if (report.isMissing === isMissing) continue;
		isMissing = report.isMissing;
		changes.push([isMissing ? 'missing' : 'beating', at]);
	}
	return changes;
}

const every = (seconds: number, until: number, from = 0) =>
	Array.from(
		{ length: Math.max(0, Math.ceil((until - from) / seconds)) },
		(_, index) => from + index * seconds,
	);

test.each([1, 20, 60, 300])('monitors every %i s that stop are missed after two intervals', (interval) => {
	const monitors = [1, 2, 3].map((id) => monitor(id, interval));

	const [first] = pass({
		monitors,
		beatsAt: () => every(interval, 3_600),
		seconds: 3_600 + 10 * interval + 60,
	});

	const sinceLast = (first?.[1] ?? 0) - 3_600;
	expect(first?.[0]).toBe('missing');
	expect(sinceLast).toBeGreaterThanOrEqual(interval);
	expect(sinceLast).toBeLessThanOrEqual(3 * interval + 30);
});

test('it is over with the first beat, and told once', () => {
	const monitors = [1, 2].map((id) => monitor(id, 20));

	const changes = pass({
		monitors,
		beatsAt: () => [...every(20, 600), ...every(20, 2_000, 1_205)],
		seconds: 2_000,
	});

	expect(changes).toEqual([
		['missing', expect.any(Number)],
		['beating', 1_210],
	]);
});

test('a Kuma that never beats is found when it has had time to start them all', () => {
	const some = pass({ monitors: [monitor(1, 20)], beatsAt: () => [], seconds: 300 });
	const many = pass({
		monitors: Array.from({ length: 500 }, (_, id) => monitor(id, 20)),
		beatsAt: () => [],
		seconds: 1_200,
	});

	expect(some[0]?.[1]).toBeLessThanOrEqual(90);
	expect(many[0]?.[1]).toBeGreaterThan(500);
	expect(many[0]?.[1]).toBeLessThanOrEqual(600);
});

describe('no alarm', () => {
	test('while 500 monitors are started one by one', () => {
		const monitors = Array.from({ length: 500 }, (_, id) => monitor(id, 20));

		expect(pass({ monitors, beatsAt: ({ id }) => every(20, 1_200, id * 0.65), seconds: 1_200 })).toEqual([]);
	});

	test('where one monitor is stuck, and the others go on', () => {
		const monitors = [1, 2, 3].map((id) => monitor(id, 20));

		expect(pass({ monitors, beatsAt: ({ id }) => every(20, id === 1 ? 60 : 3_600), seconds: 3_600 })).toEqual(
			[],
		);
	});

	test('where monitors with long intervals have nothing to do for hours', () => {
		const monitors = [monitor(1, 3_600), monitor(2, 86_400)];

		expect(
			pass({ monitors, beatsAt: ({ intervalSeconds }) => every(intervalSeconds, 400_000), seconds: 400_000 }),
		).toEqual([]);
	});

	test.each([30, 60, 3_600, 86_400])('after the machine slept for %i s', (slept) => {
		const monitors = [1, 2].map((id) => monitor(id, 20));

		expect(
			pass({
				monitors,
				beatsAt: () => [...every(20, 300), ...every(20, 300 + slept + 600, 300 + slept + 15)],
				seconds: 300 + slept + 600,
				frozen: [[300, slept]],
			}),
		).toEqual([]);
	});

	test('where there is nothing to beat', () => {
		expect(pass({ monitors: [], beatsAt: () => [], seconds: 10_000 })).toEqual([]);
		expect(['push', 'group', 'http', 'manual'].map(beatsByItself)).toEqual([false, false, true, true]);
	});

	test('while failures are tried again at their own, longer interval', () => {
		const monitors = [monitor(1, 20, { retryIntervalSeconds: 300 })];

		expect(pass({ monitors, beatsAt: () => every(300, 10_000), seconds: 10_000 })).toEqual([]);
	});
});

test('whatever their intervals, monitors that beat in time raise no alarm, and all silent ones do', async () => {
	const fleets = fc.record({
		seconds: fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 8 }),
		lateSeconds: fc.integer({ min: 0, max: 5 }),
	});
	await fc.assert(
		fc.asyncProperty(fleets, async ({ seconds, lateSeconds }) => {
			const monitors = seconds.map((interval, id) => monitor(id, interval));
			const late = (each: BeatingMonitor, until: number) =>
				every(each.intervalSeconds + Math.min(lateSeconds, each.intervalSeconds), until, each.id);

			expect(pass({ monitors, beatsAt: (each) => late(each, 4_000), seconds: 4_000 })).toEqual([]);
			const [alarm] = pass({ monitors, beatsAt: (each) => late(each, 2_000), seconds: 2_000 + 3 * 600 + 60 });
			expect(alarm?.[0]).toBe('missing');
		}),
	);
});
