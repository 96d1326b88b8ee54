import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { DatabaseKind } from '../../src/model/row.ts';
import { type BeatingFleet, startBeatingFleet } from '../kit/beating-fleet.ts';
import { kumaRows } from '../kit/kuma-rows.ts';
import type { Replicator } from '../kit/replicator.ts';
import { useMariadb } from '../kit/use-mariadb.ts';
import { waitFor } from '../kit/wait-for.ts';

/** `RELOAD_BEATS=full` runs for minutes and with ten times as many monitors; what a person does before a release. */
const IS_FULL = process.env.RELOAD_BEATS === 'full';
const SIZE = IS_FULL
	? { editsForMs: 60_000, manyMonitors: 500, manyChanged: 100 }
	: { editsForMs: 20_000, manyMonitors: 150, manyChanged: 100 };
const MONITORS = 50;
const EDIT_EVERY_MS = 2_000;
const INTERVAL_SECONDS = 4;
const INTERVAL_MS = INTERVAL_SECONDS * 1000;
const BASELINE_BEATS = 3;
/** What the apply of one edit may add to a gap between two beats, and how soon the new target is looked at. */
const LATE_MAX_MS = 1_000;
const NEW_TARGET_MAX_MS = 2_000;
const STARTS_PER_SECOND_MAX = 50;
/** Starts are counted where they arrive: a machine that stalls lets some of them arrive together. */
const ARRIVALS_TOLERANCE = 1.5;
const UP = 1;
const SEEN_EVERY_MS = 50;

/** Counts the beats of a replica on that kind of database: each kind has a fleet of its own, beside the other's. */
export function describeReloadBeats(kind: DatabaseKind): void {
	describe(`monitors of a replica on ${kind}`, () => {
		const mariadb = useMariadb();
		let beating: BeatingFleet<'replica'>;

		beforeAll(async () => {
			const database = kind === 'mariadb' ? await mariadb.createDatabase('replica') : kind;
			beating = await startBeatingFleet({
				intervalSeconds: INTERVAL_SECONDS,
				replicas: { replica: { database } },
			});
			await beating.fleet.replicas.replica.start();
		});

		afterAll(() => beating?.discard());

		async function beatWith(count: number): Promise<number[]> {
			const { fleet, setMonitors } = beating;
			const ids = await setMonitors(count);
			await fleet.publish();
			await fleet.follow();
			await untilBeat(ids, 1);
			return ids;
		}

		/** Waits until every one of these monitors has beaten so many times more. */
		async function untilBeat(ids: readonly number[], times: number): Promise<void> {
			const fromMs = performance.now();
			const hasBeaten = (id: number) => beating.hitsOf(id).filter((atMs) => atMs > fromMs).length >= times;
			await waitFor(() => ids.every(hasBeaten), {
				timeoutMs: 120_000,
				what: `every one of ${ids.length} monitors beats ${times} times`,
			});
		}

		/** @returns the longest gap between two beats of any of these monitors that ends between two moments. */
		function longestGap(ids: readonly number[], fromMs: number, toMs: number): number {
			return Math.max(
				...ids.flatMap((id) => {
					const times = beating.hitsOf(id);
					return times.flatMap((atMs, index) =>
						index > 0 && atMs >= fromMs && atMs <= toMs ? [atMs - (times[index - 1] ?? 0)] : [],
					);
				}),
			);
		}

		async function expectOnlyUp(replica: Replicator): Promise<void> {
			const beats = await kumaRows(replica.dataDirectory, 'heartbeat');
			expect(beats.filter(({ status }) => Number(status) !== UP)).toEqual([]);
			expect(beats.length).toBeGreaterThan(0);
		}

		test('an edit every other second makes no other monitor miss a beat, and none beats with an old target', async () => {
			const { fleet, rows, urlOf, hitsOf } = beating;
			const { leader } = fleet;
			const { replica } = fleet.replicas;
			const ids = await beatWith(MONITORS);
			const { kuma } = await replica.status();
			const baselineFromMs = performance.now();
			await untilBeat(ids, BASELINE_BEATS);
			const editsFromMs = performance.now();
			const usualGapMs = Math.max(INTERVAL_MS, longestGap(ids, baselineFromMs, editsFromMs));
			const applied = watchUrls(replica);
			onTestFinished(() => applied.stop());

			const edited: number[] = [];
			while (performance.now() - editsFromMs < SIZE.editsForMs) {
				const id = ids[edited.length] ?? 0;
				await rows.update([{ id, url: urlOf(id, 1) }]);
				edited.push(id);
				leader.wake();
				await delay(EDIT_EVERY_MS / 2);
				replica.wake();
				await delay(EDIT_EVERY_MS / 2);
			}
			const areApplied = async () => {
				leader.wake();
				replica.wake();
				await delay(EDIT_EVERY_MS / 2);
				return edited.every((id) => hitsOf(id, 1).length > 0);
			};
			await waitFor(areApplied, { timeoutMs: 60_000, what: 'every edited monitor looks at its new target' });
			const untouched = ids.filter((id) => !edited.includes(id));
			// Long enough for a beat with an old target, if there is one.
			await untilBeat(ids, 2);

			const gapMs = longestGap(untouched, editsFromMs, performance.now());
			const delaysMs = edited.map((id) => (hitsOf(id, 1)[0] ?? Infinity) - applied.seenAtMs(urlOf(id, 1)));
			report({ kind, edits: edited.length, usualGapMs, gapMs, newTargetMs: Math.max(...delaysMs) });
			expect(gapMs).toBeLessThan(usualGapMs + LATE_MAX_MS);
			expect(Math.max(...delaysMs)).toBeLessThan(NEW_TARGET_MAX_MS);
			for (const id of edited) {
				const newTargetFromMs = hitsOf(id, 1)[0] ?? 0;
				expect(hitsOf(id, 0).filter((atMs) => atMs > newTargetFromMs)).toEqual([]);
			}
			await expectOnlyUp(replica);
			expect((await replica.status()).kuma).toEqual({ ...kuma, beats: expect.anything() });
		});

		test('a snapshot that changes many monitors starts them spread out, and delays no other', async () => {
			const { fleet, rows, urlOf, hitsOf } = beating;
			const { replica } = fleet.replicas;
			const ids = await beatWith(SIZE.manyMonitors);
			const { kuma } = await replica.status();
			const baselineFromMs = performance.now();
			await untilBeat(ids, BASELINE_BEATS);
			const appliedFromMs = performance.now();
			const usualGapMs = Math.max(INTERVAL_MS, longestGap(ids, baselineFromMs, appliedFromMs));
			const changed = ids.slice(0, SIZE.manyChanged);

			await rows.update(changed.map((id) => ({ id, url: urlOf(id, 1) })));
			await fleet.publish();
			await fleet.follow();
			await waitFor(() => changed.every((id) => hitsOf(id, 1).length > 0), {
				timeoutMs: 60_000,
				what: 'every changed monitor looks at its new target',
			});
			const untouched = ids.slice(SIZE.manyChanged);
			await untilBeat(untouched, 1);

			const starts = changed.map((id) => hitsOf(id, 1)[0] ?? 0).sort((left, right) => left - right);
			const busiest = Math.max(
				...starts.map((from) => starts.filter((atMs) => atMs >= from && atMs < from + 1_000).length),
			);
			const gapMs = longestGap(untouched, appliedFromMs, performance.now());
			report({ kind, count: ids.length, changed: changed.length, usualGapMs, gapMs, busiest });
			expect(busiest).toBeLessThanOrEqual(STARTS_PER_SECOND_MAX * ARRIVALS_TOLERANCE);
			expect(gapMs).toBeLessThan(usualGapMs + LATE_MAX_MS);
			await expectOnlyUp(replica);
			expect((await replica.status()).kuma).toEqual({ ...kuma, beats: expect.anything() });
		});
	});
}

/** Figures for whoever runs this by hand. */
function report(figures: Readonly<Record<string, unknown>>): void {
	if (IS_FULL) process.stdout.write(`${JSON.stringify(figures)}\n`);
}

/** Looks again and again at what a replica's database holds: when a URL is seen, it was applied a moment before. */
function watchUrls(replica: Replicator): { seenAtMs(url: string): number; stop(): Promise<void> } {
	const seen = new Map<string, number>();
	const stop = new AbortController();
	const watching = (async () => {
		while (!stop.signal.aborted) {
			const monitors = await kumaRows(replica.dataDirectory, 'monitor');
			const atMs = performance.now();
			for (const { url } of monitors) if (!seen.has(String(url))) seen.set(String(url), atMs);
			await delay(SEEN_EVERY_MS);
		}
	})();
	return {
		seenAtMs: (url) => seen.get(url) ?? -Infinity,
		stop: async () => {
			stop.abort();
			await watching;
		},
	};
}
