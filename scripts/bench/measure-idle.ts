import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { prepareFleet } from '../../test/kit/fleet.ts';
import { freePort } from '../../test/kit/free-port.ts';
import { KumaClient } from '../../test/kit/kuma-client.ts';
import { openRestServer, type RestServer } from '../../test/kit/open-rest-server.ts';
import { PROGRAM, type Replicator } from '../../test/kit/replicator.ts';
import type { BenchRun } from './bench-run.ts';
import type { Figure } from './figure.ts';
import { readProcessUsage } from './process-usage.ts';
import { readSoon } from './read-soon.ts';
import { RestartStrategy, startKumaAlone } from './restart-strategy.ts';
import { openRowStore } from './row-store.ts';
import { openWay } from './ways.ts';

const HOUR_S = 3600;
/** As the image and the systemd unit start it. */
const AS_PACKAGED = { program: [process.execPath, '--no-opt', '--semi-space-growth-factor=1', PROGRAM] };
/** The defaults of REPLICATOR_INTERVAL. */
const INTERVAL_S = { leader: 300, replica: 360 } as const;
/** How often a leader on which nothing is edited looks into the repository. */
const LOOKS_PER_HOUR = 1;
/** What a start leaves behind is gone by then. */
const COOL_DOWN_MS = 30_000;
const CYCLE_MS = 60_000;

/** What one cycle, or one look, costs. */
interface Cost {
	readonly cpuSeconds: number;
	readonly requests: number;
}

/** CPU, memory and requests while nothing happens: a window of waiting, and each kind of cycle once. */
export async function measureIdle(run: BenchRun): Promise<Figure[]> {
	const rest = await openRestServer({ directory: await run.directory('repository') });
	run.ends(() => rest.stop());
	const way = await openWay(run, 'direct');
	const defaults = (seconds: number) => ({ REPLICATOR_INTERVAL: String(seconds) });
	const fleet = await prepareFleet({
		repository: rest.location,
		leader: {
			database: 'sqlite',
			environment: { ...way.leader, ...defaults(INTERVAL_S.leader) },
			...AS_PACKAGED,
		},
		replicas: {
			replica: {
				mode: 'RESTORE',
				database: 'sqlite',
				environment: { ...way.replica, ...defaults(INTERVAL_S.replica) },
				...AS_PACKAGED,
			},
		},
	});
	run.ends(() => fleet.discard());
	const { leader } = fleet;
	const { replica } = fleet.replicas;
	await leader.start();
	const client = await KumaClient.connect(leader.url);
	run.ends(async () => client.close());
	await client.setup('admin', 'secret-12345');
	for (let index = 0; index < 20; index += 1)
		await client.addMonitor({ name: `Monitor ${index}`, url: 'http://127.0.0.1:9/', active: false });
	await leader.waitForStatus('a first snapshot', ({ newest }) => newest !== null);
	await replica.start();
	await replica.waitForStatus('the snapshot applied', ({ applied }) => applied !== null);
	await delay(COOL_DOWN_MS);
	// The first cycle after a publish looks for another leader's.
	await measureCycle(leader, rest);
	const leaderCycle = await measureCycle(leader, rest);
	const replicaCycle = await measureCycle(replica, rest);
	const windowSeconds = run.isQuick ? 30 : 120;
	const waiting = await measureWaiting({ leader, replica }, windowSeconds);
	const restart = await measureRestart(run, rest, leader);
	const cyclesPerHour = { leader: HOUR_S / INTERVAL_S.leader, replica: HOUR_S / INTERVAL_S.replica };
	const note = `${windowSeconds} s of waiting, extrapolated, and ${cyclesPerHour.leader} cycles of the leader and ${cyclesPerHour.replica} polls of the replica an hour, each measured once; once an hour the leader looks into the repository, which is the same as a poll.`;
	const section = 'idle, for an hour';
	const ours = {
		leader: {
			cpu:
				waiting.leader * HOUR_S +
				cyclesPerHour.leader * leaderCycle.cpuSeconds +
				LOOKS_PER_HOUR * replicaCycle.cpuSeconds,
			requests: cyclesPerHour.leader * leaderCycle.requests + LOOKS_PER_HOUR * replicaCycle.requests,
		},
		replica: {
			cpu: waiting.replica * HOUR_S + cyclesPerHour.replica * replicaCycle.cpuSeconds,
			requests: cyclesPerHour.replica * replicaCycle.requests,
		},
	};
	const theirs = {
		leader: {
			cpu: cyclesPerHour.leader * restart.leader.cpuSeconds,
			requests: cyclesPerHour.leader * restart.leader.requests,
		},
		replica: {
			cpu: cyclesPerHour.replica * restart.replica.cpuSeconds,
			requests: cyclesPerHour.replica * restart.replica.requests,
		},
	};
	const restartNote =
		'"restart": the restic processes of its cycles alone, with the same intervals; its scripts come on top.';
	return (['leader', 'replica'] as const).flatMap((name): Figure[] => [
		{
			section,
			name: `CPU of the ${name}: process and restic`,
			unit: 's/h',
			ours: ours[name].cpu,
			restart: theirs[name].cpu,
			note: `${note} ${restartNote}`,
		},
		{
			section,
			name: `requests of the ${name} to the repository`,
			unit: 'requests/h',
			ours: ours[name].requests,
			restart: theirs[name].requests,
			note: `${note} ${restartNote}`,
		},
		{
			section,
			name: `memory (RSS) of the ${name}`,
			unit: 'MB',
			ours: waiting.residentMegabytes[name],
			restart: null,
			note: 'The process of replicator-kuma, without Kuma, at the end of the waiting.',
		},
	]);
}

async function measureCycle(instance: Replicator, rest: RestServer): Promise<Cost> {
	const before = (await instance.status()).lastCycle?.finishedAt;
	const requestsBefore = rest.requests.length;
	const usageBefore = readProcessUsage(instance.pid);
	instance.wake();
	await readSoon(
		async () => {
			const { lastCycle } = await instance.status();
			return lastCycle?.finishedAt === before ? null : lastCycle;
		},
		{ timeoutMs: CYCLE_MS, what: 'a cycle', everyMs: 500 },
	);
	return {
		cpuSeconds: readProcessUsage(instance.pid).cpuSeconds - usageBefore.cpuSeconds,
		requests: rest.requests.length - requestsBefore,
	};
}

/** @returns CPU seconds a second of each, and what they take at the end. */
async function measureWaiting(
	{ leader, replica }: { readonly leader: Replicator; readonly replica: Replicator },
	windowSeconds: number,
) {
	const read = () => ({ leader: readProcessUsage(leader.pid), replica: readProcessUsage(replica.pid) });
	const before = read();
	await delay(windowSeconds * 1000);
	const after = read();
	return {
		leader: (after.leader.cpuSeconds - before.leader.cpuSeconds) / windowSeconds,
		replica: (after.replica.cpuSeconds - before.replica.cpuSeconds) / windowSeconds,
		residentMegabytes: {
			leader: after.leader.residentMegabytes,
			replica: after.replica.residentMegabytes,
		},
	};
}

async function measureRestart(
	run: BenchRun,
	rest: RestServer,
	leader: Replicator,
): Promise<{ leader: Cost; replica: Cost }> {
	run.say('  … "restart"');
	// The same repository: how much a password costs is decided when one is made.
	const { location } = rest;
	const strategy = new RestartStrategy({ location, directory: await run.directory('restart') });
	run.ends(() => strategy.stop());
	const store = await openRowStore({ type: 'sqlite', path: join(leader.dataDirectory, 'kuma.db') });
	run.ends(() => store.close());
	const dataDirectory = await run.directory('restart-replica');
	const start = startKumaAlone({ dataDirectory, port: await freePort() });
	await (await start()).stop();
	const path = join(dataDirectory, 'kuma.db');
	const replica = { startKuma: start, openStore: () => openRowStore({ type: 'sqlite', path }) };
	await strategy.publish(store);
	await strategy.follow(replica);
	const measure = async (cycle: () => Promise<unknown>): Promise<Cost> => {
		const requestsBefore = rest.requests.length;
		const resticCpu = () => readProcessUsage(process.pid).childrenCpuSeconds;
		const cpuBefore = resticCpu();
		await cycle();
		return {
			cpuSeconds: resticCpu() - cpuBefore,
			requests: rest.requests.length - requestsBefore,
		};
	};
	return {
		leader: await measure(() => strategy.publish(store)),
		replica: await measure(() => strategy.follow(replica)),
	};
}
