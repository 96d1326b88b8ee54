// An instance of a fleet without Kuma, configured by the environment: replicates as replicator-kuma does, into a database
// alone. SIGUSR1 starts a cycle, as a change in Kuma would; SIGTERM ends it. Writes `ready` after its first good cycle.
import { requireConfig } from '../../src/config/load-config.ts';
import { openRepository } from '../../src/daemon/open-repository.ts';
import { openRole } from '../../src/daemon/open-role.ts';
import { openFleetHttp } from '../../src/fleet/fleet-http.ts';
import { openHttpSurface } from '../../src/http/http-surface.ts';
import { joinFleet, openInstance } from '../../src/instance/open-instance.ts';
import { prepareStateDirectory } from '../../src/instance/state-folder/data-directory.ts';
import { limitNudges } from '../../src/nudges/nudge-limiter.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { runLoop } from '../../src/timing/loop.ts';
import { SerialQueue } from '../../src/timing/serial-queue.ts';

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
const surface = await openHttpSurface({ config, status: () => ({}), log });
let loop = null;
const nudges = limitNudges({ onNudge: () => loop?.wake() });
const http = await openFleetHttp({
	config,
	log,
	repository,
	snapshots: alone.snapshots,
	state: alone.state,
	feed: surface?.feed ?? null,
	onNudge: () => nudges.nudge(),
	onHandedOver: (place) => {
		work
			.run(() => replicator.followLeader(place))
			.catch((error) => {
				log.warning('What the leader handed over could not be applied', { error });
				nudges.nudge();
			});
	},
	onStanding: (standing) => {
		if (replicator.hear(standing)) nudges.nudge();
	},
	inTurn: (task) => work.run(task),
});
const { announcer } = http;
const instance = joinFleet(alone, {
	repository,
	reload: NO_RELOAD,
	...(announcer === null ? {} : { announcer }),
});
const replicator = openRole({ instance, config, onLoanDue: () => loop?.wake() });
await surface?.listen(config);
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
await surface?.close();
process.exit();
