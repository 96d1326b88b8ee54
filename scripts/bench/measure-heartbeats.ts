import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type BeatingFleet, startBeatingFleet } from '../../test/kit/beating-fleet.ts';
import { freePort } from '../../test/kit/free-port.ts';
import type { BenchRun } from './bench-run.ts';
import type { Figure } from './figure.ts';
import { readSoon } from './read-soon.ts';
import { RestartStrategy, startKumaAlone } from './restart-strategy.ts';
import { openRowStore } from './row-store.ts';

const INTERVAL_SECONDS = 3;
const INTERVAL_MS = INTERVAL_SECONDS * 1000;
const BEATING_MS = 180_000;

interface Missed {
	readonly beats: number;
	readonly longestGapMs: number;
}

/** Beats that a replica's monitors miss because one monitor was changed on the leader. */
export async function measureHeartbeats(run: BenchRun): Promise<Figure[]> {
	const monitorCount = run.isQuick ? 20 : 50;
	const editCount = run.isQuick ? 2 : 5;
	const beating = await startBeatingFleet({
		intervalSeconds: INTERVAL_SECONDS,
		repository: await run.directory('repository'),
		replicas: { replica: { database: 'sqlite' } },
	});
	run.ends(() => beating.discard());
	const { fleet, rows } = beating;
	await fleet.replicas.replica.start();
	const ids = await beating.setMonitors(monitorCount);
	await fleet.publish();
	await fleet.follow();
	await allBeat(beating, ids, 2);
	const edit = (count: number) =>
		rows.update([{ id: ids[0] ?? 0, description: `edit ${count}`, url: beating.urlOf(ids[0] ?? 0, count) }]);
	const ours = await countMissed(beating, ids, async () => {
		for (let count = 1; count <= editCount; count += 1) {
			await edit(count);
			await fleet.publish();
			await fleet.follow();
			await delay(INTERVAL_MS);
		}
	});
	run.say('  … "restart"');
	await fleet.replicas.replica.stop();
	const strategy = new RestartStrategy({
		location: await run.directory('restart-repository'),
		directory: await run.directory('restart'),
	});
	run.ends(() => strategy.stop());
	const dataDirectory = await run.directory('restart-replica');
	const startKuma = startKumaAlone({ dataDirectory, port: await freePort() });
	await (await startKuma()).stop();
	const path = join(dataDirectory, 'kuma.db');
	const replica = { startKuma, openStore: () => openRowStore({ type: 'sqlite', path }) };
	const store = await openRowStore({ type: 'sqlite', path: join(fleet.leader.dataDirectory, 'kuma.db') });
	run.ends(() => store.close());
	await strategy.createRepository();
	await strategy.publish(store);
	await strategy.follow(replica);
	await allBeat(beating, ids, 2);
	const theirs = await countMissed(beating, ids, async () => {
		await edit(editCount + 1);
		await strategy.publish(store);
		await strategy.follow(replica);
	});
	const section = `heartbeats of ${monitorCount} monitors, every ${INTERVAL_SECONDS} s`;
	const note = `Replicator Kuma: ${editCount} changes; "restart": one. A change is another URL for one monitor.`;
	return [
		{
			section,
			name: 'missed per change, all monitors together',
			unit: 'beats',
			ours: ours.beats / editCount,
			restart: theirs.beats,
			note,
		},
		{
			section,
			name: 'longest time between two beats of a monitor',
			unit: 's',
			ours: ours.longestGapMs / 1000,
			restart: theirs.longestGapMs / 1000,
			note,
		},
	];
}

/** What was missed while something is done, and until every monitor beats again. */
async function countMissed<Name extends string>(
	beating: BeatingFleet<Name>,
	ids: readonly number[],
	work: () => Promise<void>,
): Promise<Missed> {
	const fromMs = performance.now();
	await work();
	await allBeat(beating, ids, 2);
	const gaps = ids.flatMap((id) => {
		const times = beating.hitsOf(id);
		return times
			.map((atMs, index) => ({ atMs, gapMs: atMs - (times[index - 1] ?? atMs) }))
			.filter(({ atMs }) => atMs >= fromMs)
			.map(({ gapMs }) => gapMs);
	});
	return {
		beats: gaps.reduce((sum, gapMs) => sum + Math.max(0, Math.round(gapMs / INTERVAL_MS) - 1), 0),
		longestGapMs: Math.max(...gaps),
	};
}

async function allBeat<Name extends string>(
	beating: BeatingFleet<Name>,
	ids: readonly number[],
	times: number,
): Promise<void> {
	const fromMs = performance.now();
	const beatAgain = (id: number) => beating.hitsOf(id).filter((atMs) => atMs > fromMs).length >= times;
	await readSoon(() => (ids.every(beatAgain) ? true : null), {
		timeoutMs: BEATING_MS,
		what: 'every monitor beats',
		everyMs: 100,
	});
}
