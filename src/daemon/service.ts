import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/load-config.ts';
import { type Controlled, serveControl } from '../http/control-server.ts';
import type { Installation } from '../kuma/installation.ts';
import type { KumaSupervisor } from '../kuma/kuma-supervisor.ts';
import { SerialQueue } from '../kuma/serial-queue.ts';
import { watchEdits } from '../leader/watch-edits.ts';
import type { FleetInstance } from '../model/instance.ts';
import type { LineagePlace } from '../model/lineage.ts';
import type { Log } from '../model/log.ts';
import { isReplicatorError, type ReplicatorError } from '../model/replicator-error.ts';
import { roleOf } from '../model/role.ts';
import type { CycleReport, Status } from '../model/status.ts';
import { localRepositoryPath } from '../repository/restic-environment.ts';
import { watchFolder } from '../signals/folder-watch.ts';
import { subscribeToNtfy } from '../signals/ntfy-subscription.ts';
import { limitNudges } from '../signals/nudge-limiter.ts';
import { settle } from '../signals/settle.ts';
import { asFailure } from './as-failure.ts';
import { CycleMemory } from './cycle-memory.ts';
import type { CycleNotices } from './cycle-notices.ts';
import { prepareStateDirectory, removeLeftovers, type StatePaths } from './data-directory.ts';
import { lockDataDirectory } from './data-directory-lock.ts';
import { type FleetHttp, openFleetHttp } from './fleet-http.ts';
import { type Loop, runLoop } from './loop.ts';
import { makeStatus } from './make-status.ts';
import { openCycleNotices } from './open-cycle-notices.ts';
import { joinFleet, openInstance } from './open-instance.ts';
import { openRepository } from './open-repository.ts';
import { PRODUCT_VERSION } from './product-version.ts';
import { Replicator } from './replicator.ts';
import { ResticTally } from './restic-tally.ts';
import { type SupervisedKuma, superviseKuma } from './supervised-kuma.ts';

/** An edit at the leader is published when nothing was written for this long, or after the longest wait. */
const SETTLING_MS = { quietMs: 500, longestMs: 5_000 } as const;
/** How long a leader that was told to stop may end its cycle and publish what is pending. */
const LAST_CYCLE_MS = 5_000;
/** How long a stop waits for notices that are under way. */
const LAST_NOTICES_MS = 3_000;
/** How soon to look again while a person sets Kuma up. */
const NOT_SET_UP_RETRY_MS = 5_000;

export interface ServiceOptions {
	readonly config: Config;
	readonly log: Log;
	readonly command: readonly string[];
	readonly cwd: string;
	readonly kuma: Installation;
	/** Aborting it stops everything in order. */
	readonly signal: AbortSignal;
}

/** The running product: supervises Kuma and replicates, until it is told to stop. */
export class Service {
	readonly #options: ServiceOptions;
	readonly #work = new SerialQueue();
	/** A person at the leader edits for a while; what comes out of it is published. */
	readonly #edits = settle({ ...SETTLING_MS, onSettled: () => this.wake() });
	/** Aborted when the repository must not be waited for any longer. */
	readonly #givingUp = new AbortController();
	/** Whatever says that there may be a new snapshot: hints, of which any number costs little. */
	readonly #nudges = limitNudges({ onNudge: () => this.wake() });
	readonly #restic = new ResticTally(Date.now);
	readonly #cycles: CycleMemory;
	#http: FleetHttp | undefined;
	#kuma: SupervisedKuma | undefined;
	#instance: FleetInstance | undefined;
	#replicator: Replicator | undefined;
	#loop: Loop | undefined;
	#notices: CycleNotices | undefined;
	#repositoryLocation = '';

	constructor(options: ServiceOptions) {
		this.#options = options;
		this.#cycles = new CycleMemory(options.log);
	}

	/** Starts a cycle now; what SIGUSR1 asks for. */
	wake(): void {
		this.#loop?.wake();
	}

	/** Passes a signal on to Kuma. */
	forward(signal: NodeJS.Signals): void {
		this.#kuma?.supervisor.forward(signal);
	}

	/**
	 * Runs until `signal` is aborted. Kuma is stopped then, too.
	 * @throws ReplicatorError `data-directory-in-use`, `state-corrupt`, `file-access`, `kuma-not-startable`.
	 */
	async run(): Promise<void> {
		const { config, log, signal } = this.#options;
		const paths = await prepareStateDirectory(config.dataDirectory);
		const lock = await lockDataDirectory(paths);
		try {
			await removeLeftovers(paths);
			await this.#assemble(paths);
			const controlled: Controlled = {
				status: () => this.status(),
				backup: (orders) => this.#report(() => this.#replicatorNow.backup(orders)),
				restore: (orders) => this.#report(() => this.#replicatorNow.restore(orders)),
			};
			const closeControl = await serveControl(paths.controlSocket, controlled, log);
			try {
				await this.#openHttp();
				await this.#runReplication(signal);
			} finally {
				await this.#http?.close();
				await closeControl();
			}
		} finally {
			await lock.release();
		}
		log.info('Stopped');
	}

	async #assemble(paths: StatePaths): Promise<void> {
		const { config, log, kuma, command, cwd } = this.#options;
		const supervised = superviseKuma({
			config,
			paths,
			log,
			command,
			cwd,
			kumaVersion: kuma.version,
			onHeld: () => void this.#passGate(),
			onHeard: () => roleOf(config.mode) === 'leader' && this.#edits.note(),
			onChanged: () => this.#noteEdit(),
		});
		const { reload } = supervised;
		const repository = openRepository({
			config,
			paths,
			log,
			signal: this.#givingUp.signal,
			onCall: (call) => {
				this.#restic.count(call);
				this.#http?.metrics?.observeResticCall(call);
			},
		});
		const instance = joinFleet(await openInstance({ config, paths, log, kuma }), {
			repository,
			reload,
			announcer: {
				announce: (announcement) => this.#http?.announcer?.announce(announcement),
				confirm: (announcement) => this.#http?.announcer?.confirm(announcement),
				withdraw: (digest) => this.#http?.announcer?.withdraw(digest),
			},
		});
		this.#kuma = supervised;
		this.#instance = instance;
		this.#repositoryLocation = repository.location;
		this.#replicator = new Replicator({
			instance,
			config,
			observe: (outcome) => this.#http?.observe(outcome),
		});
		this.#notices = openCycleNotices(config, log);
	}

	/** Applies at once what the leader handed over, while it is on its way into the repository. */
	async #followLeader(place: LineagePlace): Promise<void> {
		// While Kuma starts, the start gate sees to it.
		if (this.#loop === undefined) return;
		try {
			await this.#report(() => this.#replicatorNow.followLeader(place));
		} catch (error) {
			if (isReplicatorError(error, 'interrupted')) return;
			this.#options.log.error('What the leader handed over could not be applied; it is looked for again', {
				error,
			});
			this.#nudges.nudge();
		}
	}

	/** What is written on a replica is not published. */
	#noteEdit(): void {
		if (roleOf(this.#options.config.mode) !== 'leader') return;
		this.#edits.note();
		this.#replicatorNow.foresee();
	}

	async #openHttp(): Promise<void> {
		const { config, log } = this.#options;
		const instance = this.#instance;
		if (instance === undefined) throw new Error('the service is not assembled');
		const { repository, snapshots } = instance;
		this.#http = await openFleetHttp({
			config,
			log,
			repository,
			snapshots,
			status: () => this.status(),
			onNudge: () => this.#nudges.nudge(),
			onHandedOver: (place) => void this.#followLeader(place),
			onLeaderLost: (reason) => this.#notices?.tellLeaderLost(reason),
			onLeaderBack: () => this.#notices?.tellLeaderBack(),
			inTurn: (work) => this.#work.run(work),
		});
	}

	/**
	 * Kuma waits after its migrations: a replica, or a leader that is new, applies what the fleet has first. The agent's
	 * own timer bounds this.
	 */
	async #passGate(): Promise<void> {
		const { config, log } = this.#options;
		const kuma = this.#kumaNow;
		const { position, remarks } = this.#replicatorNow.state;
		// A leader has nothing to apply, unless it is new, or has to wake what it paused as a replica.
		const mustApply = roleOf(config.mode) === 'replica' || position === null || remarks.length > 0;
		// One that restarts because of an apply is held in the middle of that cycle, and has everything.
		if (mustApply && !kuma.isRestarting()) {
			try {
				await this.#report(() => this.#replicatorNow.cycle());
			} catch (error) {
				log.warning('Nothing was applied before the start of Kuma; it starts with what it has', { error });
			}
		}
		await kuma.reload.release(await this.#leadersTimezone());
	}

	/** The zone of the snapshot that a replica holds; null on a leader, and where none is known. */
	async #leadersTimezone(): Promise<string | null> {
		const { config, log } = this.#options;
		const { position } = this.#replicatorNow.state;
		if (roleOf(config.mode) === 'leader' || position === null) return null;
		try {
			return (await this.#instance?.snapshots.load(position.digest))?.manifest.timezone ?? null;
		} catch (error) {
			log.warning("The leader's time zone is unknown until the next cycle", { error });
			return null;
		}
	}

	get #kumaNow(): SupervisedKuma {
		if (this.#kuma === undefined) throw new Error('the service is not assembled');
		return this.#kuma;
	}

	get #replicatorNow(): Replicator {
		if (this.#replicator === undefined) throw new Error('the service is not assembled');
		return this.#replicator;
	}

	async #runReplication(signal: AbortSignal): Promise<void> {
		const { supervisor, agent } = this.#kumaNow;
		const { config, log } = this.#options;
		const role = roleOf(config.mode);
		// A start that takes long is cut short; a leader's last publish needs Kuma's database to go on.
		const cutStartShort = () => void (supervisor.state === 'starting' && supervisor.stop());
		signal.addEventListener('abort', cutStartShort, { once: true });
		// Only a leader has something that may get lost; a repository that hangs must not keep anybody from stopping.
		const giveUp = () => void setTimeout(() => this.#givingUp.abort(), role === 'leader' ? LAST_CYCLE_MS : 0);
		signal.addEventListener('abort', giveUp, { once: true });
		log.info('Starting', {
			version: PRODUCT_VERSION,
			mode: config.mode,
			repository: this.#repositoryLocation,
		});
		agent.start();
		if (role === 'replica') await this.#listen(signal);
		try {
			if (!signal.aborted) await this.#startKuma(supervisor);
			if (role === 'leader') this.#watchEdits(signal);
			const loop = runLoop<CycleReport>({
				cycle: () => this.#report(() => this.#replicatorNow.cycle()),
				intervalMs: config.intervalMs,
				signal,
				onOutcome: ({ outcome }) => this.#lookAgainSoon(outcome),
				onError: (error, { retryInMs }) => {
					if (isReplicatorError(error, 'interrupted')) return;
					// A bug in replication, too, must not end monitoring: it is told with its stack, and tried again.
					log.error('The cycle failed; it is tried again', { error, retryInMs });
				},
			});
			this.#loop = loop;
			await loop.finished;
			if (role === 'leader') await this.#publishPending();
		} finally {
			this.#edits.cancel();
			this.#nudges.cancel();
			await supervisor.stop();
			await agent.stop();
			await this.#sendPendingNotices();
		}
	}

	/** A Kuma without the agent, or with one that cannot hear it write, tells nobody of edits. */
	#watchEdits(signal: AbortSignal): void {
		const instance = this.#instance;
		if (instance === undefined) throw new Error('the service is not assembled');
		const { agent } = this.#kumaNow;
		watchEdits({
			instance,
			isTold: () => agent.hello?.capabilities['change events'] === true,
			onEdit: () => this.#noteEdit(),
			signal,
		});
	}

	/** What comes from anybody is a hint that there may be a new snapshot. */
	async #listen(signal: AbortSignal): Promise<void> {
		const { config, log } = this.#options;
		const onNudge = () => this.#nudges.nudge();
		const { isOn, topic, isSeparate } = config.nudge;
		if (!isOn) return;
		if (topic !== null) {
			const variable = isSeparate ? 'REPLICATOR_NUDGE_URL' : 'NTFY_URL';
			subscribeToNtfy({ topic, variable, fleet: config.fleet, onNudge, log, signal });
		}
		const folder = localRepositoryPath(this.#repositoryLocation);
		if (folder !== null) await watchFolder({ repository: folder, onNudge, log, signal });
	}

	async #startKuma(supervisor: KumaSupervisor): Promise<void> {
		try {
			await supervisor.start();
		} catch (error) {
			// It is starting still, or is started again after a crash, or was stopped meanwhile: told already.
			if (isReplicatorError(error, 'kuma-not-ready') || isReplicatorError(error, 'interrupted')) return;
			throw error;
		}
	}

	#lookAgainSoon(outcome: string): void {
		if (outcome !== 'not-set-up' && outcome !== 'wait-for-user') return;
		// A process that is about to end does not wait for it.
		setTimeout(() => this.wake(), NOT_SET_UP_RETRY_MS).unref();
	}

	/** What was edited in the last seconds of a leader is published before its database may go away with Kuma. */
	async #publishPending(): Promise<void> {
		const { log } = this.#options;
		try {
			await this.#report(() => this.#replicatorNow.cycle());
		} catch (error) {
			if (!isReplicatorError(error)) throw error;
			log.warning('The last changes could not be published; they are at the next start', { error });
		}
	}

	async #sendPendingNotices(): Promise<void> {
		await Promise.race([this.#notices?.settled(), delay(LAST_NOTICES_MS, undefined, { ref: false })]);
	}

	/** Runs one piece of work at a time and remembers what it came to. */
	#report(work: () => Promise<CycleReport>): Promise<CycleReport> {
		return this.#work.run(async () => {
			const startedAt = performance.now();
			try {
				const report = await work();
				const durationMs = performance.now() - startedAt;
				this.#http?.metrics?.observeCycle({ ...report, durationMs });
				this.#remember(report, durationMs);
				return report;
			} catch (cause) {
				const error = asFailure(cause);
				const durationMs = performance.now() - startedAt;
				this.#http?.metrics?.observeCycle({ outcome: 'failed', durationMs, stages: {} });
				if (error.code !== 'interrupted') this.#rememberError(error);
				// A bug is logged as it is, with its stack.
				throw error.code === 'bug' ? cause : error;
			}
		});
	}

	#remember(report: CycleReport, durationMs: number): void {
		this.#cycles.remember(report, durationMs);
		this.#notices?.tell(report, durationMs);
		// At a stop there is no time for it; it comes with the next publish.
		if (report.outcome === 'published' && !this.#options.signal.aborted)
			void this.#work.run(() => this.#replicatorNow.tidy());
	}

	#rememberError(error: ReplicatorError): void {
		this.#cycles.rememberError(error);
		this.#notices?.tellError(error);
	}

	/** What this instance is and does, as of now. */
	status(): Status {
		const { config, kuma } = this.#options;
		const { state, newest } = this.#replicatorNow;
		return makeStatus({
			config,
			kumaVersion: kuma.version,
			state,
			newest,
			supervised: this.#kuma ?? null,
			repository: this.#repositoryLocation,
			leader: this.#http?.leader() ?? null,
			restic: this.#restic.use,
			...this.#cycles.last,
		});
	}
}
