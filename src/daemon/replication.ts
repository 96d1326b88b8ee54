import type { Config } from '../config/load-config.ts';
import type { Controlled } from '../control/control-server.ts';
import { openFleetHttp } from '../fleet/fleet-http.ts';
import type { HttpSurface } from '../http/http-surface.ts';
import { joinFleet, openInstance } from '../instance/open-instance.ts';
import type { StatePaths } from '../instance/state-folder/data-directory.ts';
import type { Installation } from '../kuma/installation.ts';
import { watchEdits } from '../leader/watch-edits.ts';
import type { BackupOrders, RestoreOrders } from '../model/acting-role.ts';
import type { FleetInstance } from '../model/instance.ts';
import type { LineagePlace, PublishedSnapshot } from '../model/lineage.ts';
import type { Log } from '../model/log.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import { type Role, roleOf } from '../model/role.ts';
import type { InstanceState } from '../model/state.ts';
import type { CycleReport, ResticUse, Status } from '../model/status.ts';
import type { CycleNotices } from '../notices/cycle-notices.ts';
import { watchFolder } from '../nudges/folder-watch.ts';
import { subscribeToNtfy } from '../nudges/ntfy-subscription.ts';
import { limitNudges } from '../nudges/nudge-limiter.ts';
import { heldTimezone } from '../replica/restore-cycle.ts';
import { localRepositoryPath } from '../repository/restic/restic-environment.ts';
import { type Loop, runLoop } from '../timing/loop.ts';
import { settle } from '../timing/settle.ts';
import { TIDY_LIMIT_MS } from '../timing/work-queue.ts';
import { Cycles } from './cycles.ts';
import type { SupervisedKuma } from './kuma/supervised-kuma.ts';
import { openRepository } from './open-repository.ts';
import { openRole } from './open-role.ts';
import { countOutcome } from './status/count-outcome.ts';
import type { LastCycles } from './status/cycle-memory.ts';
import { ResticTally } from './status/restic-tally.ts';

/** An edit at the leader is published when nothing was written for this long, or after the longest wait. */
const SETTLING_MS = { quietMs: 500, longestMs: 5_000 } as const;
/** How long a leader that was told to stop may end its cycle and publish what is pending. */
const LAST_CYCLE_MS = 5_000;
/** How long a replica may, so that an apply that is at work ends in order; one that hangs is undone. */
const LAST_APPLY_MS = 1_000;
/** How soon to look again while a person sets Kuma up. */
const NOT_SET_UP_RETRY_MS = 5_000;

export interface ReplicationParts {
	readonly config: Config;
	readonly paths: StatePaths;
	readonly log: Log;
	readonly installation: Installation;
	readonly supervised: SupervisedKuma;
	readonly notices: CycleNotices;
	readonly surface: HttpSurface | null;
	/** Aborting it ends replication after its last cycle. */
	readonly signal: AbortSignal;
}

/** Replication as it works beside a supervised Kuma: cycles, what wakes them, and what is asked of it. */
export interface Replication extends Pick<Controlled, 'backup' | 'restore'> {
	readonly role: Role;
	readonly state: InstanceState;
	/** The newest snapshot that a cycle has seen. */
	readonly newest: PublishedSnapshot | null;
	readonly repositoryLocation: string;
	readonly restic: ResticUse;
	/** What the last cycles came to. */
	readonly last: LastCycles;
	leader(): Status['leader'];
	/** Starts a cycle now. */
	wake(): void;
	/** The leader's agent is heard, at first or again: what was written while nobody listened was told to nobody. */
	noteHeard(): void;
	/** Kuma has written to tables of the catalog. */
	noteEdit(): void;
	/** Kuma is held at its start: what the fleet has is applied first. @returns the zone that Kuma is released with. */
	passGate(): Promise<string | null>;
	/** Runs cycles until it is told to end. */
	run(): Promise<void>;
}

/**
 * Opens what this instance remembers and everything that its role needs, and listens for nudges.
 * @throws ReplicatorError `state-corrupt`, `file-access`, `disk-full`.
 */
export async function openReplication(parts: ReplicationParts): Promise<Replication> {
	const { config, paths, log, installation, supervised, notices, surface, signal } = parts;
	const role = roleOf(config.mode);
	const cycles = new Cycles({ log, notices, metrics: surface?.metrics ?? null });
	const restic = new ResticTally(Date.now);
	/** Aborted when the repository must not be waited for any longer. */
	const givingUp = new AbortController();
	// Only a leader has something that may get lost; a repository that hangs must not keep anybody from stopping.
	const giveUp = () => {
		stopTidying();
		setTimeout(() => givingUp.abort(), role === 'leader' ? LAST_CYCLE_MS : 0);
		// Kuma is stopped behind the work that has its turn, and whoever wants a stop does not wait for long.
		setTimeout(() => cycles.stop(), role === 'leader' ? LAST_CYCLE_MS : LAST_APPLY_MS);
	};
	let loop: Loop | null = null;
	/** Counts down to the next look at a Kuma that a person sets up. */
	let nextLook: NodeJS.Timeout | undefined;
	/** Aborted when old snapshots have to wait for something else. */
	let tidying = new AbortController();
	/** Whether somebody waits for the next cycle. */
	let isWoken = false;
	const wake = () => {
		// The first cycle comes anyway.
		if (loop === null) return;
		isWoken = true;
		stopTidying();
		// Without replicas that listen, an edit is nowhere before the repository has it.
		if (announcer !== null) acting.hurry();
		loop.wake();
	};
	/** A person at the leader edits for a while; what comes out of it is published. */
	const edits = settle({ ...SETTLING_MS, onSettled: wake });
	/** Whatever says that there may be a new snapshot: hints, of which any number costs little. */
	const nudges = limitNudges({ onNudge: wake });

	const repository = openRepository({
		config,
		paths,
		log,
		signal: givingUp.signal,
		onCall: (call) => {
			restic.count(call);
			surface?.metrics.observeResticCall(call);
		},
	});
	const alone = await openInstance({ config, paths, log, kuma: installation });
	const http = await openFleetHttp({
		config,
		log,
		repository,
		snapshots: alone.snapshots,
		state: alone.state,
		feed: surface?.feed ?? null,
		onNudge: () => nudges.nudge(),
		onHandedOver: (place) => void followLeader(place),
		onStanding: (standing) => {
			if (acting.hear(standing)) nudges.nudge();
		},
		onLeaderLost: (reason) => notices.tellLeaderLost(reason),
		onLeaderBack: () => notices.tellLeaderBack(),
		inTurn: (work) => {
			if (loop !== null) acting.hurry();
			return cycles.inTurn(work);
		},
	});
	const { announcer } = http;
	const instance: FleetInstance = joinFleet(alone, {
		repository,
		reload: supervised.reload,
		...(announcer === null ? {} : { announcer }),
	});
	const acting = openRole({
		instance,
		config,
		signal: () => cycles.signal,
		observe: (outcome) => {
			if (surface !== null)
				countOutcome({ metrics: surface.metrics, snapshots: instance.snapshots, log }, outcome);
		},
		onLoanDue: wake,
	});
	if (role === 'replica') await listen();
	// Behind the last step that can fail: it is opened again and again then, and each attempt would leave a listener.
	if (signal.aborted) giveUp();
	else signal.addEventListener('abort', giveUp, { once: true });

	/** Runs one piece of work at a time; old snapshots are forgotten after a publish. */
	async function report(work: () => Promise<CycleReport>): Promise<CycleReport> {
		const made = await cycles.report(work);
		// At a stop there is no time for it; it comes with the next publish.
		if (acting.isUntidy && !signal.aborted) tidy();
		return made;
	}

	function tidy(): void {
		const { signal: givingWay } = tidying;
		cycles
			.inTurn(() => acting.tidy(givingWay), TIDY_LIMIT_MS)
			.catch((error: unknown) => {
				// At a stop it has not begun yet; it comes with the next publish.
				if (!isReplicatorError(error, 'interrupted'))
					log.warning('Old snapshots could not be forgotten', { error });
			});
	}

	/** An edit does not wait for what nobody waits for. */
	function stopTidying(): void {
		tidying.abort();
		tidying = new AbortController();
	}

	/** What a person asks for comes before what nobody waits for. */
	function backup(orders: BackupOrders): Promise<CycleReport> {
		stopTidying();
		return report(() => acting.backup(orders));
	}

	function restore(orders: RestoreOrders): Promise<CycleReport> {
		stopTidying();
		const work = () => acting.restore(orders);
		return orders.isDryRun ? cycles.preview(work) : report(work);
	}

	/** Applies at once what the leader handed over, while it is on its way into the repository. */
	async function followLeader(place: LineagePlace): Promise<void> {
		// While Kuma starts, the start gate sees to it.
		if (loop === null) return;
		try {
			await report(() => acting.followLeader(place));
		} catch (error) {
			if (isReplicatorError(error, 'interrupted')) return;
			log.error('What the leader handed over could not be applied; it is looked for again', { error });
			nudges.nudge();
		}
	}

	/** What comes from anybody is a hint that there may be a new snapshot. */
	async function listen(): Promise<void> {
		const onNudge = () => nudges.nudge();
		const { isOn, topic, isSeparate } = config.nudge;
		if (!isOn) return;
		if (topic !== null) {
			const variable = isSeparate ? 'REPLICATOR_NUDGE_URL' : 'NTFY_URL';
			subscribeToNtfy({ topic, variable, fleet: config.fleet, onNudge, log, signal });
		}
		const folder = localRepositoryPath(repository.location);
		if (folder !== null) await watchFolder({ repository: folder, onNudge, log, signal });
	}

	/** What is written on a replica is not published. */
	function noteEdit(): void {
		if (role !== 'leader') return;
		stopTidying();
		edits.note();
		acting.foresee();
	}

	/**
	 * Kuma waits after its migrations: a replica, or a leader that is new, applies what the fleet has first. The agent's
	 * own timer bounds this.
	 */
	async function passGate(): Promise<string | null> {
		const { position, remarks } = acting.state;
		// A leader has nothing to apply, unless it is new, or has to wake what it paused as a replica.
		const mustApply = role === 'replica' || position === null || remarks.length > 0;
		// One that restarts because of an apply is held in the middle of that cycle, and has everything.
		if (mustApply && !supervised.isRestarting()) {
			try {
				await report(() => acting.cycle());
			} catch (error) {
				log.warning('Nothing was applied before the start of Kuma; it starts with what it has', { error });
			}
		}
		return leadersTimezone();
	}

	/** The zone of the snapshot that a replica holds; null on a leader, and where none is known. */
	async function leadersTimezone(): Promise<string | null> {
		if (role === 'leader') return null;
		try {
			return await heldTimezone(instance);
		} catch (error) {
			log.warning("The leader's time zone is unknown until the next cycle", { error });
			return null;
		}
	}

	async function run(): Promise<void> {
		// A Kuma without the agent, or with one that cannot hear it write, tells nobody of edits.
		const isTold = () => supervised.agent.hello?.capabilities['change events'] === true;
		if (role === 'leader') watchEdits({ instance, isTold, onEdit: noteEdit, signal });
		try {
			loop = runLoop<CycleReport>({
				cycle: () => {
					// What was woken while a cycle ran comes before the tidying that this cycle has left behind.
					if (isWoken) stopTidying();
					isWoken = false;
					return report(() => acting.cycle());
				},
				intervalMs: config.intervalMs,
				signal,
				onOutcome: ({ outcome }) => lookAgainSoon(outcome),
				onError: (error, { retryInMs }) => {
					clearTimeout(nextLook);
					if (isReplicatorError(error, 'interrupted')) return;
					// A bug in replication, too, must not end monitoring: it is told with its stack, and tried again.
					log.error('The cycle failed; it is tried again', { error, retryInMs });
				},
			});
			await loop.finished;
			if (role === 'leader') await publishPending();
		} finally {
			edits.cancel();
			nudges.cancel();
			await http.close();
		}
	}

	function lookAgainSoon(outcome: string): void {
		clearTimeout(nextLook);
		if (outcome !== 'not-set-up' && outcome !== 'wait-for-user') return;
		// A process that is about to end does not wait for it.
		nextLook = setTimeout(wake, NOT_SET_UP_RETRY_MS).unref();
	}

	/** What was edited in the last seconds of a leader is published before its database may go away with Kuma. */
	async function publishPending(): Promise<void> {
		try {
			await report(() => acting.cycle());
		} catch (error) {
			log.warning('The last changes could not be published; they are at the next start', { error });
		}
	}

	return {
		role,
		get state() {
			return acting.state;
		},
		get newest() {
			return acting.newest;
		},
		repositoryLocation: repository.location,
		get restic() {
			return restic.use;
		},
		get last() {
			return cycles.last;
		},
		leader: () => http.leader(),
		backup,
		restore,
		wake,
		noteHeard: () => {
			if (role === 'leader') edits.note();
		},
		noteEdit,
		passGate,
		run,
	};
}
