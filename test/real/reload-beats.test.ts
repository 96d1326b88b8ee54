import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type BeatingFleet, startBeatingFleet } from '../kit/beating-fleet.ts';
import { kumaRows } from '../kit/kuma-rows.ts';
import { type PrivateMariadb, startPrivateMariadb } from '../kit/private-mariadb.ts';
import type { Replicator } from '../kit/replicator.ts';
import { waitFor } from '../kit/wait-for.ts';

/** `RELOAD_BEATS=full` runs for minutes and with ten times as many monitors; what a person does before a release. */
const IS_FULL = process.env.RELOAD_BEATS === 'full';
const SIZE = IS_FULL
	? { editsForMs: 60_000, manyMonitors: 500, manyChanged: 100 }
	: { editsForMs: 20_000, manyMonitors: 150, manyChanged: 100 };
const MONITORS = 50;
const EDIT_EVERY_MS = 2_000;
const INTERVAL_SECONDS = 5;
const INTERVAL_MS = INTERVAL_SECONDS * 1000;
const BASELINE_MS = 3 * INTERVAL_MS;
/** What the apply of one edit may add to a gap between two beats, and how soon the new target is looked at. */
const LATE_MAX_MS = 1_000;
const NEW_TARGET_MAX_MS = 2_000;
const STARTS_PER_SECOND_MAX = 50;
/** Starts are counted where they arrive: a machine that stalls lets some of them arrive together. */
const ARRIVALS_TOLERANCE = 1.5;
const UP = 1;
const SEEN_EVERY_MS = 50;

describe.each(['sqlite', 'mariadb'] as const)('monitors of a replica on %s', (kind) => {
	let mariadb: PrivateMariadb | undefined;
	let beating: BeatingFleet<'replica'>;

	beforeAll(async () => {
		if (kind === 'mariadb') mariadb = await startPrivateMariadb();
		const database = (await mariadb?.createDatabase('replica')) ?? 'sqlite';
		beating = await startBeatingFleet({
			intervalSeconds: INTERVAL_SECONDS,
			replicas: { replica: { database } },
		});
		await beating.fleet.replicas.replica.start();
	});

	afterAll(async () => {
		await beating?.discard();
		await mariadb?.stop();
	});

	async function beatWith(count: number): Promise<number[]> {
		const { fleet, setMonitors, hitsOf } = beating;
		const ids = await setMonitors(count);
		const fromMs = performance.now();
		await fleet.publish();
		await fleet.follow();
		await waitFor(() => ids.every((id) => hitsOf(id).filter((atMs) => atMs > fromMs).length >= 2), {
			timeoutMs: 120_000,
			what: `every one of ${count} monitors beats`,
		});
		return ids;
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
		await delay(BASELINE_MS);
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
		await delay(INTERVAL_MS + LATE_MAX_MS);

		const untouched = ids.filter((id) => !edited.includes(id));
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
		expect((await replica.status()).kuma).toEqual(kuma);
	});

	test('a snapshot that changes many monitors starts them spread out, and delays no other', async () => {
		const { fleet, rows, urlOf, hitsOf } = beating;
		const { replica } = fleet.replicas;
		const ids = await beatWith(SIZE.manyMonitors);
		const { kuma } = await replica.status();
		const baselineFromMs = performance.now();
		await delay(BASELINE_MS);
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
		await delay(INTERVAL_MS + LATE_MAX_MS);

		const starts = changed.map((id) => hitsOf(id, 1)[0] ?? 0).sort((left, right) => left - right);
		const busiest = Math.max(
			...starts.map((from) => starts.filter((atMs) => atMs >= from && atMs < from + 1_000).length),
		);
		const gapMs = longestGap(ids.slice(SIZE.manyChanged), appliedFromMs, performance.now());
		report({ kind, count: ids.length, changed: changed.length, usualGapMs, gapMs, busiest });
		expect(busiest).toBeLessThanOrEqual(STARTS_PER_SECOND_MAX * ARRIVALS_TOLERANCE);
		expect(gapMs).toBeLessThan(usualGapMs + LATE_MAX_MS);
		await expectOnlyUp(replica);
		expect((await replica.status()).kuma).toEqual(kuma);
	});
});

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
