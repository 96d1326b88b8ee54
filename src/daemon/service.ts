import { setTimeout as delay } from 'node:timers/promises';
import { configurationError, type LoadedConfig } from '../config/load-config.ts';
import { createControl } from '../control/control.ts';
import { openHttpSurface } from '../http/http-surface.ts';
import { openKumaDatabase } from '../instance/open-instance.ts';
import { type StatePaths, statePaths } from '../instance/state-folder/data-directory.ts';
import { type StandInPaths, standInPaths } from '../instance/state-folder/stand-in-directory.ts';
import { clearStateDirectory } from '../instance/state-folder/state-directory-check.ts';
import { lockSupervision, type SupervisionLock } from '../instance/state-folder/supervision-lock.ts';
import { tidyUp } from '../instance/state-folder/tidy-up.ts';
import { type Installation, readInstallation } from '../kuma/installation.ts';
import type { KumaSupervisor } from '../kuma/kuma-supervisor.ts';
import { asFailure, asThrown } from '../log/as-failure.ts';
import type { Log } from '../model/log.ts';
import { PRODUCT_VERSION } from '../model/product-version.ts';
import { isReplicatorError, ReplicatorError } from '../model/replicator-error.ts';
import type { Status } from '../model/status.ts';
import { openCycleNotices, readdressCycleNotices } from '../notices/open-cycle-notices.ts';
import { createAgentSockets } from './kuma/agent-sockets.ts';
import { superviseKuma } from './kuma/supervised-kuma.ts';
import { Part } from './part.ts';
import { openReplication, type Replication } from './replication.ts';
import { watchStateDirectory } from './state-directory-watch.ts';
import { makeStatus } from './status/make-status.ts';
import { catchStrayErrors, createStrayErrors } from './status/stray-errors.ts';
import { Troubles } from './status/troubles.ts';

/** How long a stop waits for notices that are under way. */
const LAST_NOTICES_MS = 3_000;

/** What can be done to a running service from outside. */
export interface ServiceControls {
	/** Starts a cycle now, and tries again what is down; what SIGUSR1 asks for. */
	wake(): void;
	/** Passes a signal on to Kuma. */
	forward(signal: NodeJS.Signals): void;
}

export interface ServiceOptions {
	/** Reads the configuration; again when it could not be used, for files that it names may come back. */
	readonly configuration: () => LoadedConfig;
	readonly log: Log;
	readonly command: readonly string[];
	readonly cwd: string;
	/** Where Kuma is installed. */
	readonly kumaDirectory: string;
	/** Aborting it stops everything in order. */
	readonly signal: AbortSignal;
	/** Called once, before Kuma is started. */
	readonly onControls: (controls: ServiceControls) => void;
}

/**
 * The running product: supervises Kuma, and replicates beside it, until it is told to stop. Kuma is stopped then, too.
 * Whatever is wrong with replication, its files or its configuration, is a part that is down with a reason and is tried
 * again; it never keeps Kuma from running.
 * @throws ReplicatorError `data-directory-in-use`, `kuma-not-startable`, `kuma-not-stoppable`, or
 * `configuration-invalid` for a port that Kuma cannot have.
 */
export async function runService(options: ServiceOptions): Promise<void> {
	const loaded = options.configuration();
	const { dataDirectory } = loaded.usable;
	const paths = statePaths(dataDirectory);
	const standIn = await standInPaths(dataDirectory);
	const lock = await lockSupervision({ dataDirectory, paths, standIn });
	try {
		await superviseAndReplicate(options, { loaded, paths, standIn, lock });
	} finally {
		await lock.release();
	}
	options.log.info('Stopped');
}

async function superviseAndReplicate(
	options: ServiceOptions,
	place: {
		readonly loaded: LoadedConfig;
		readonly paths: StatePaths;
		readonly standIn: StandInPaths;
		readonly lock: SupervisionLock;
	},
): Promise<void> {
	const { configuration, log, command, cwd, kumaDirectory, signal } = options;
	const { paths, standIn, lock } = place;
	let { loaded } = place;
	const { dataDirectory } = loaded.usable;
	let kumaVersion: string | null = null;
	/** Aborted when everything beside Kuma is to end, because that was asked for or because Kuma cannot be started. */
	const ending = new AbortController();
	const endSignal = AbortSignal.any([signal, ending.signal]);

	const notices = openCycleNotices(loaded.usable, log);
	const troubles = new Troubles({
		log,
		onTrouble: (part, error) => notices.tellPartDown(part, error),
		onOver: (part) => notices.tellPartBack(part),
	});
	const strays = createStrayErrors({ log, onFirst: () => notices.tellUnexpected() });
	const stopCatching = catchStrayErrors(strays);

	let isTidy = false;
	if (lock.trouble === null) {
		await clearStateDirectory(paths);
		// Why the folder cannot be read is for replication to say, which tries it again.
		await tidyOnce().catch(() => undefined);
	}
	const sockets = createAgentSockets(paths, standIn);
	const agentSocket = new Part({
		name: 'agent socket',
		open: () => sockets.find(),
		troubles,
		signal: endSignal,
	});
	const agentSocketFound = agentSocket.open();
	await agentSocket.attempted;
	const installed = await installation().catch(() => null);

	const supervised = superviseKuma({
		config: loaded.usable,
		sockets,
		recordPath: paths.kumaRecord,
		spareRecordPath: standIn.kumaRecord,
		log,
		command,
		cwd,
		kumaVersion: installed?.version ?? null,
		onHeld: () => void passGate(),
		onHeard: () => replication.opened?.noteHeard(),
		onChanged: () => replication.opened?.noteEdit(),
		onRecordFailed: () => void record.open(),
		openDatabase: () => openKumaDatabase(dataDirectory),
		onBeats: (event) => notices.tellBeats(event),
	});
	const { supervisor, agent, reload, beats } = supervised;
	const surface = await openHttpSurface({ config: loaded.usable, status, log });
	const record = new Part({
		name: 'kuma record',
		open: () => supervisor.record(),
		troubles,
		signal: endSignal,
	});
	const http = new Part({
		name: 'http',
		open: async () => surface?.listen(configuration().usable),
		troubles,
		signal: endSignal,
	});
	const controls = createControl({
		path: paths.controlSocket,
		standIn,
		log,
		controlled: {
			status,
			backup: (orders) => working().backup(orders),
			restore: (orders) => working().restore(orders),
		},
	});
	const control = new Part({
		name: 'control socket',
		open: () => controls.open(),
		troubles,
		signal: endSignal,
	});
	const replication = new Part({ name: 'replication', open: tryReplication, troubles, signal: endSignal });

	const files = watchStateDirectory({ paths, troubles, signal: endSignal });
	const besideReplication = [http, control, record, agentSocket, files];
	options.onControls({
		wake: () => {
			for (const part of [...besideReplication, replication]) part.wake();
			replication.opened?.wake();
		},
		forward: (forwarded) => supervisor.forward(forwarded),
	});
	await run();

	async function installation(): Promise<Installation> {
		const found = await readInstallation(kumaDirectory);
		kumaVersion = found.version;
		return found;
	}

	async function tidyOnce(before?: number): Promise<void> {
		if (isTidy) return;
		await tidyUp(paths, { log, ...(before === undefined ? {} : { before }) });
		isTidy = true;
	}

	/** @throws ReplicatorError for whatever keeps this instance from replicating. */
	async function tryReplication(): Promise<Replication> {
		const before = loaded.usable;
		loaded = configuration();
		const { config, usable } = loaded;
		readdressCycleNotices(notices, { before, config: usable, log });
		if (config === null) throw configurationError(loaded);
		await lock.complete();
		await clearStateDirectory(paths);
		// Kuma's record and the sockets may be written by now.
		await tidyOnce(performance.timeOrigin);
		const opened = await openReplication({
			config,
			paths,
			log,
			installation: await installation(),
			supervised,
			notices,
			surface,
			signal: endSignal,
		});
		// What could not be made below the folder may be possible now, too.
		for (const part of besideReplication) part.wake();
		log.info('Replicating', { mode: config.mode, repository: opened.repositoryLocation });
		return opened;
	}

	/** @throws ReplicatorError with the reason while replication is down. */
	function working(): Replication {
		const { opened, failure } = replication;
		if (opened !== null) return opened;
		throw (
			failure ??
			new ReplicatorError('Replication is starting.', {
				code: 'refused',
				hint: 'Try again in a moment.',
				isRetryable: true,
			})
		);
	}

	/** The agent's own timer bounds how long Kuma waits for it. */
	async function passGate(): Promise<void> {
		let timezone: string | null = null;
		try {
			await replication.attempted;
			timezone = (await replication.opened?.passGate()) ?? null;
		} finally {
			await reload.release(timezone);
		}
	}

	async function run(): Promise<void> {
		// A start, or a restart, that takes long is cut short; a leader's last publish needs Kuma's database to go on.
		const cutStartShort = () => {
			if (supervisor.state !== 'starting' && supervisor.state !== 'stopping') return;
			// It is awaited below, and fails there again.
			supervisor.stop().catch(() => undefined);
		};
		signal.addEventListener('abort', cutStartShort, { once: true });
		log.info('Starting', { version: PRODUCT_VERSION, dataDirectory: loaded.usable.dataDirectory });
		agent.start();
		beats.watch(endSignal);
		const kumaRuns = signal.aborted ? Promise.resolve() : startKuma(supervisor);
		// It is awaited below; what fails until then must not count as a failure that nobody awaits.
		kumaRuns.catch(() => undefined);
		const beside = Promise.all([
			replicate(kumaRuns),
			control.open(),
			...(surface === null ? [] : [http.open()]),
			agentSocketFound,
			files.finished,
		]);
		beside.catch(() => undefined);
		try {
			await kumaRuns;
			await aborted(signal);
			await beside;
		} finally {
			ending.abort();
			await supervisor.stop();
			await agent.stop();
			await surface?.close();
			await controls.close();
			await Promise.race([notices.settled(), delay(LAST_NOTICES_MS, undefined, { ref: false })]);
			stopCatching();
		}
	}

	async function replicate(kumaRuns: Promise<void>): Promise<void> {
		const opened = await replication.open();
		await kumaRuns.catch(() => undefined);
		await opened?.run();
	}

	/** What this instance is and does, as of now. */
	function status(): Status {
		return makeStatus({
			config: loaded.usable,
			kumaVersion,
			supervised,
			replication: replication.opened,
			troubles: troubles.all,
			unexpectedErrors: strays.seen,
		});
	}
}

async function startKuma(supervisor: KumaSupervisor): Promise<void> {
	try {
		await supervisor.start();
	} catch (error) {
		// It is starting still, or is started again after a crash, or was stopped meanwhile: told already.
		if (isReplicatorError(error, 'kuma-not-ready') || isReplicatorError(error, 'interrupted')) return;
		throw asThrown(asFailure(error));
	}
}

function aborted(signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		if (signal.aborted) resolve();
		else signal.addEventListener('abort', () => resolve(), { once: true });
	});
}
