import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BEAT_TICK_MS, type BeatReport } from '../../model/beat-watch.ts';
import type { Beans, Kuma } from '../kuma/kuma.ts';
import { Beats } from './beats.ts';

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

const MONITOR = { id: 1, type: 'http', interval: 20, retry_interval: 20, maxretries: 0, timeout: 1 };

/** The beats of a Kuma with one monitor, whose database answers as it is told to. */
function watchBeats() {
	const database: { read: () => Promise<unknown[]> } = { read: async () => [MONITOR] };
	const reports: BeatReport[] = [];
	let reads = 0;
	const beans: Beans = {
		store: async () => 1,
		getAll: () => {
			reads += 1;
			return database.read();
		},
	};
	const kuma = { beans, server: { monitorList: { 1: MONITOR } } } as unknown as Kuma;
	const beats = new Beats({ readKuma: () => kuma, onReport: (report) => reports.push(report) });
	expect(beats.install(beans)).toBe(true);
	const beat = () => beans.store?.({ id: 1, monitor_id: 1, beanMeta: { type: 'heartbeat' } });
	return { database, reports, beat, reads: () => reads };
}

test('a Kuma whose database hangs is judged at every tick, asked once, and the reason is the database', async () => {
	const { database, reports, beat, reads } = watchBeats();
	await vi.advanceTimersByTimeAsync(BEAT_TICK_MS);
	await beat();
	await vi.advanceTimersByTimeAsync(BEAT_TICK_MS);
	const before = reads();
	database.read = () => new Promise(() => undefined);

	await vi.advanceTimersByTimeAsync(12 * BEAT_TICK_MS + 5_000);

	expect(reads() - before).toBe(1);
	expect(reports).toHaveLength(14);
	expect(reports.at(-1)).toMatchObject({
		monitors: 1,
		isMissing: true,
		lastError: 'the process of Kuma answers, but its database does not',
	});
});

test('a database that answers again is asked again, and its silence is no reason any more', async () => {
	const { database, reports, beat, reads } = watchBeats();
	await vi.advanceTimersByTimeAsync(BEAT_TICK_MS);
	const { promise, resolve } = Promise.withResolvers<unknown[]>();
	database.read = () => promise;
	await vi.advanceTimersByTimeAsync(12 * BEAT_TICK_MS + 5_000);
	expect(reports.at(-1)).toMatchObject({ isMissing: true });

	resolve([MONITOR]);
	database.read = async () => [MONITOR];
	await beat();
	await vi.advanceTimersByTimeAsync(2 * BEAT_TICK_MS);

	expect(reports.at(-1)).toMatchObject({ isMissing: false, lastError: null });
	expect(reads()).toBeGreaterThan(2);
});
