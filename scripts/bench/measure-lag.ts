import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import type { Status } from '../../src/model/status.ts';
import { prepareFleet } from '../../test/kit/fleet.ts';
import { freePort } from '../../test/kit/free-port.ts';
import { startHttpTarget } from '../../test/kit/http-target.ts';
import { KumaClient } from '../../test/kit/kuma-client.ts';
import { openMonitorRows } from '../../test/kit/monitor-rows.ts';
import { openRestServer } from '../../test/kit/open-rest-server.ts';
import type { Replicator } from '../../test/kit/replicator.ts';
import type { BenchRun } from './bench-run.ts';
import type { Figure } from './figure.ts';
import { quantile } from './quantile.ts';
import { readSoon } from './read-soon.ts';
import { RESTART_SLEEPS_MS, RestartStrategy, startKumaAlone } from './restart-strategy.ts';
import { openRowStore } from './row-store.ts';
import { openWay, WAY_NAMES, type Way } from './ways.ts';

const MONITORS = 50;
const EDITED_ID = 1;
const ARRIVAL_MS = 120_000;
const STATUS_EVERY_MS = 25;
/** A replica looks once in two seconds, however often it is nudged; people who edit are slower. */
const PAUSE_MS = 2_500;
const RESTART_EDITS = 3;

/** One edit: how long it took, and what the time went to, in milliseconds. */
interface Arrival {
	readonly lagMs: number;
	readonly parts: Readonly<Record<string, number>>;
}

/** From an edit in the leader's Kuma to the row in the replica's database and the monitor that its Kuma runs. */
export async function measureLag(run: BenchRun): Promise<Figure[]> {
	const restart = await run.part(measureRestart);
	const figures: Figure[] = [
		{
			section: 'lag of "restart" without its sleeps',
			name: 'cycles of leader and replica, until its Kuma answers',
			unit: 'ms',
			ours: null,
			restart: restart.cyclesMs,
			note: RESTART_NOTE,
		},
	];
	for (const way of ['stream', 'ntfy', 'direct'] as const) {
		run.say(`  … ${WAY_NAMES[way]}`);
		const arrivals = await run.part((part) => measureWay(part, way));
		figures.push(...toFigures(WAY_NAMES[way], arrivals, restart.lagsMs));
	}
	return figures;
}

const RESTART_NOTE =
	'"restart" looks every 300 s (leader) and 360 s (replica): its cycles are measured, the sleeps are added by arithmetic, for an edit at any moment of both.';

function toFigures(name: string, arrivals: readonly Arrival[], restartMs: readonly number[]): Figure[] {
	const section = `lag: ${name} (${arrivals.length} edits)`;
	const shares = { p50: 0.5, p95: 0.95, max: 1 };
	const lags = arrivals.map(({ lagMs }) => lagMs);
	const totals = Object.entries(shares).map(([label, share]) => ({
		section,
		name: `edit → applied, ${label}`,
		unit: 'ms' as const,
		ours: quantile(lags, share),
		restart: quantile(restartMs, share),
		note: RESTART_NOTE,
	}));
	const names = new Set(arrivals.flatMap(({ parts }) => Object.keys(parts)));
	const stages = [...names].map((part) => ({
		section,
		name: `  ${part}, p50`,
		unit: 'ms' as const,
		ours: quantile(
			arrivals.map(({ parts }) => parts[part] ?? 0),
			0.5,
		),
		restart: null,
	}));
	return [...totals, ...stages];
}

async function measureWay(run: BenchRun, way: Way): Promise<Arrival[]> {
	const rest = await openRestServer({ directory: await run.directory('repository') });
	run.ends(() => rest.stop());
	const target = await startHttpTarget();
	run.ends(() => target.stop());
	const { leader: leaderVariables, replica: replicaVariables } = await openWay(run, way);
	const fleet = await prepareFleet({
		repository: rest.location,
		leader: { database: 'sqlite', environment: leaderVariables },
		replicas: { replica: { mode: 'RESTORE', database: 'sqlite', environment: replicaVariables } },
	});
	run.ends(() => fleet.discard());
	const { leader, replicas } = fleet;
	const client = await setUpLeader(leader, target.url);
	run.ends(async () => client.close());
	await leader.waitForStatus('a first snapshot', ({ newest }) => newest !== null);
	await replicas.replica.start();
	await bothRest(leader, replicas.replica);
	const arrivals: Arrival[] = [];
	const editCount = run.isQuick ? 5 : 30;
	// The first one finds everything cold.
	for (let index = 0; index <= editCount; index += 1) {
		const arrival = await measureEdit({ leader, replica: replicas.replica, client, way, index });
		if (index > 0) arrivals.push(arrival);
		await bothRest(leader, replicas.replica);
		await delay(PAUSE_MS);
	}
	return arrivals;
}

async function setUpLeader(leader: Replicator, targetUrl: string): Promise<KumaClient> {
	await leader.start();
	const client = await KumaClient.connect(leader.url);
	await client.setup('admin', 'secret-12345');
	await client.addMonitor({ name: 'Edited', url: targetUrl, interval: 60 });
	const rows = await openMonitorRows(leader.dataDirectory);
	try {
		const copies = Array.from({ length: MONITORS - 1 }, (_, index) => ({
			id: 100 + index,
			name: `Monitor ${index}`,
			active: 1,
		}));
		await rows.copy(EDITED_ID, copies);
	} finally {
		await rows.close();
	}
	return client;
}

/** Waits until the replica holds what the leader has published, and neither works. */
async function bothRest(leader: Replicator, replica: Replicator): Promise<void> {
	await readSoon(
		async () => {
			const [first, second] = [await leader.status(), await replica.status()];
			const head = first.newest?.id ?? null;
			return head !== null && first.applied?.id === head && second.applied?.id === head ? true : null;
		},
		{ timeoutMs: ARRIVAL_MS, what: 'leader and replica agree', everyMs: 200 },
	);
}

async function measureEdit(parts: {
	readonly leader: Replicator;
	readonly replica: Replicator;
	readonly client: KumaClient;
	readonly way: Way;
	readonly index: number;
}): Promise<Arrival> {
	const { leader, replica, client, way, index } = parts;
	const description = `edit ${index}`;
	const monitor = await client.monitor(EDITED_ID);
	const database = new DatabaseSync(join(replica.dataDirectory, 'kuma.db'), { readOnly: true });
	try {
		const statement = database.prepare('SELECT description FROM monitor WHERE id = ?');
		const editedAt = Date.now();
		const edit = client.call('editMonitor', { ...monitor, description });
		const isThere = () => (statement.get(EDITED_ID)?.description === description ? true : null);
		const row = await readSoon(isThere, { timeoutMs: ARRIVAL_MS, what: `${description} on the replica` });
		const applied = await finishedCycle(replica, { outcome: 'applied', afterMs: editedAt });
		const published = await finishedCycle(leader, { outcome: 'published', afterMs: editedAt });
		await edit;
		const lagMs = Math.max(row.atMs, applied.endMs) - editedAt;
		return { lagMs, parts: toParts({ editedAt, way, published, applied, lagMs }) };
	} finally {
		database.close();
	}
}

interface Cycle {
	readonly startMs: number;
	readonly endMs: number;
	readonly stages: NonNullable<Status['lastCycle']>['stages'];
}

async function finishedCycle(
	instance: Replicator,
	wanted: { readonly outcome: string; readonly afterMs: number },
): Promise<Cycle> {
	const read = async (): Promise<Cycle | null> => {
		const { lastCycle } = await instance.status();
		if (lastCycle === null || lastCycle.outcome !== wanted.outcome) return null;
		const endMs = Date.parse(lastCycle.finishedAt);
		if (endMs < wanted.afterMs) return null;
		return { startMs: endMs - lastCycle.durationMs, endMs, stages: lastCycle.stages };
	};
	const { found } = await readSoon(read, {
		timeoutMs: ARRIVAL_MS,
		what: `a cycle that ${wanted.outcome}`,
		everyMs: STATUS_EVERY_MS,
	});
	return found;
}

/** What lies between the stages is told from when cycles began: clocks of one machine. */
function toParts(moments: {
	readonly editedAt: number;
	readonly way: Way;
	readonly published: Cycle;
	readonly applied: Cycle;
	readonly lagMs: number;
}): Record<string, number> {
	const { editedAt, way, published, applied, lagMs } = moments;
	const {
		export: exportMs = 0,
		poll: lookMs = 0,
		publish: publishMs = 0,
		check: checkMs = 0,
	} = published.stages;
	// What a leader does before it tells its replicas: of an edit that it hands over itself, it tells at once.
	const work = {
		direct: { export: exportMs },
		stream: { export: exportMs, 'leader looks': lookMs, publish: publishMs },
		ntfy: { export: exportMs, 'leader looks': lookMs, publish: publishMs, 'leader checks': checkMs },
	}[way];
	const beforeNudge = Object.values(work).reduce((sum, ms) => sum + ms, 0);
	const { poll = 0, fetch = 0, plan = 0, apply = 0, reload = 0 } = applied.stages;
	const parts = {
		detect: published.startMs - editedAt,
		...work,
		[way === 'direct' ? 'nudge and content' : 'nudge']: applied.startMs - published.startMs - beforeNudge,
		...(way === 'direct' ? {} : { poll, fetch }),
		plan,
		apply,
		reload,
	};
	const told = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
	return { ...parts, 'everything else': lagMs - told };
}

/** Measures the cycles of "restart" for real, and adds what it sleeps. */
async function measureRestart(run: BenchRun): Promise<{ cyclesMs: number; lagsMs: number[] }> {
	run.say('  … "restart"');
	const rest = await openRestServer({ directory: await run.directory('restart-repository') });
	run.ends(() => rest.stop());
	const target = await startHttpTarget();
	run.ends(() => target.stop());
	const fleet = await prepareFleet({ leader: { database: 'sqlite' }, replicas: {} });
	run.ends(() => fleet.discard());
	const client = await setUpLeader(fleet.leader, target.url);
	client.close();
	const strategy = new RestartStrategy({
		location: rest.location,
		directory: await run.directory('restart'),
	});
	run.ends(() => strategy.stop());
	const dataDirectory = await run.directory('restart-replica');
	const start = startKumaAlone({ dataDirectory, port: await freePort() });
	// A first start makes the tables.
	await (await start()).stop();
	const replica = {
		startKuma: start,
		openStore: () => openRowStore({ type: 'sqlite', path: join(dataDirectory, 'kuma.db') }),
	};
	const leaderPath = join(fleet.leader.dataDirectory, 'kuma.db');
	const store = await openRowStore({ type: 'sqlite', path: leaderPath });
	run.ends(() => store.close());
	await strategy.createRepository();
	const cycles: number[] = [];
	for (let index = 0; index <= (run.isQuick ? 1 : RESTART_EDITS); index += 1) {
		const database = new DatabaseSync(leaderPath, { timeout: 10_000 });
		database.prepare('UPDATE monitor SET description = ? WHERE id = ?').run(`edit ${index}`, EDITED_ID);
		database.close();
		const startedAt = performance.now();
		await strategy.publish(store);
		await strategy.follow(replica);
		if (index > 0) cycles.push(performance.now() - startedAt);
	}
	const cyclesMs = quantile(cycles, 0.5);
	return { cyclesMs, lagsMs: withSleeps(cyclesMs) };
}

/** An edit falls into any moment of the leader's sleep, and its publish into any moment of the replica's. */
function withSleeps(cyclesMs: number): number[] {
	const steps = Array.from({ length: 101 }, (_, index) => index / 100);
	const { leader, replica } = RESTART_SLEEPS_MS;
	return steps.flatMap((first) => steps.map((second) => first * leader + second * replica + cyclesMs));
}
