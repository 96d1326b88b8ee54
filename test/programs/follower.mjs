// An instance of a fleet without Kuma, configured by the environment: replicates as replicator-kuma does, into a database
// alone. SIGUSR1 starts a cycle, as a change in Kuma would; SIGTERM ends it. Writes `ready` after its first good cycle.
import { requireConfig } from '../../src/config/load-config.ts';
import { prepareStateDirectory } from '../../src/daemon/data-directory.ts';
import { openFleetHttp } from '../../src/daemon/fleet-http.ts';
import { runLoop } from '../../src/daemon/loop.ts';
import { joinFleet, openInstance } from '../../src/daemon/open-instance.ts';
import { openRepository } from '../../src/daemon/open-repository.ts';
import { Replicator } from '../../src/daemon/replicator.ts';
import { SerialQueue } from '../../src/kuma/serial-queue.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { limitNudges } from '../../src/signals/nudge-limiter.ts';

const log = {
	debug() {},
	info() {},
	warning: (message, fields) => process.stderr.write(`${message} ${fields?.error?.message ?? ''}\n`),
	error: (message, fields) => process.stderr.write(`${message} ${fields?.error?.stack ?? ''}\n`),
};
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
const { config } = requireConfig(process.env, { needsRepository: true });
const paths = await prepareStateDirectory(config.dataDirectory);
const kuma = { version: null, monitorTypes: null, migrations: null };
const repository = openRepository({ config, paths, log, signal: stop.signal });
const alone = await openInstance({ config, paths, log, kuma });
const work = new SerialQueue();
let http = null;
const instance = joinFleet(alone, {
	repository,
	reload: NO_RELOAD,
	announcer: {
		announce: (announcement) => http?.announcer?.announce(announcement),
		confirm: (announcement) => http?.announcer?.confirm(announcement),
		withdraw: (digest) => http?.announcer?.withdraw(digest),
	},
});
const replicator = new Replicator({ instance, config });
let loop = null;
const nudges = limitNudges({ onNudge: () => loop?.wake() });
http = await openFleetHttp({
	config,
	log,
	repository,
	snapshots: instance.snapshots,
	status: () => ({}),
	onNudge: () => nudges.nudge(),
	onHandedOver: (place) => {
		work
			.run(() => replicator.followLeader(place))
			.catch((error) => {
				log.warning('What the leader handed over could not be applied', { error });
				nudges.nudge();
			});
	},
	inTurn: (task) => work.run(task),
});
let isReady = false;
loop = runLoop({
	cycle: () => work.run(() => replicator.cycle()),
	intervalMs: config.intervalMs,
	signal: stop.signal,
	onOutcome: () => {
		if (!isReady) process.stdout.write('ready\n');
		isReady = true;
	},
	onError: (error) => log.warning('A cycle failed', { error }),
});
process.on('SIGUSR1', () => loop.wake());
await loop.finished;
nudges.cancel();
await http.close();
process.exit();
