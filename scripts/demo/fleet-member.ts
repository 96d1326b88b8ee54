import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { openUploads } from '../../src/apply/upload-directory.ts';
import { CATALOG } from '../../src/catalog/index.ts';
import { controlClient } from '../../src/control/control-client.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { statePaths } from '../../src/instance/state-folder/data-directory.ts';
import { isStillAlive, loadRecord } from '../../src/kuma/kuma-record.ts';
import { endProcessGroup } from '../../src/kuma/processes/process-group.ts';
import type { ReplicatorMode } from '../../src/model/role.ts';
import type { SnapshotContent } from '../../src/model/snapshot.ts';
import type { Status } from '../../src/model/status.ts';
import { takeTables, toContent } from '../../src/snapshot/take.ts';
import type { KumaInstallation } from '../../test/kit/kuma-installation.ts';
import { waitFor } from '../../test/kit/wait-for.ts';
import { machineEnvironment } from '../machine-node.mjs';

const PRODUCT = join(import.meta.dirname, '..', '..', 'dist', 'replicator-kuma.js');
const READY_MS = 120_000;
/** A last publish, Kuma's own stop, pending notices. */
const STOP_MS = 40_000;
const KUMA_GRACE_MS = 10_000;
/** The least that the product takes, so that a person need not wait. */
const INTERVAL_SECONDS = 5;

export interface MemberOptions {
	/** As people read it: `replica 1`. */
	readonly name: string;
	readonly mode: ReplicatorMode;
	/** The demo's own folder. */
	readonly root: string;
	readonly logDirectory: string;
	readonly port: number;
	readonly kuma: KumaInstallation;
	/** RESTIC_REPOSITORY and RESTIC_PASSWORD. */
	readonly repository: NodeJS.ProcessEnv;
}

/** One instance of the fleet: `replicator-kuma run` with a real Uptime Kuma, on loopback. */
export class FleetMember {
	readonly name: string;
	readonly mode: ReplicatorMode;
	readonly url: string;
	readonly logPath: string;
	readonly #dataDirectory: string;
	readonly #child: ChildProcess;

	/** Starts it; {@link ready} waits until it is there. */
	constructor(options: MemberOptions) {
		const { name, mode, port, kuma } = options;
		const fileName = name.replaceAll(' ', '-');
		this.name = name;
		this.mode = mode;
		this.url = `http://127.0.0.1:${port}`;
		this.logPath = join(options.logDirectory, `${fileName}.log`);
		this.#dataDirectory = join(options.root, fileName);
		mkdirSync(this.#dataDirectory);
		const log = openSync(this.logPath, 'a', 0o600);
		this.#child = spawn(process.execPath, [PRODUCT, 'run', '--', kuma.node, 'server/server.js'], {
			cwd: kuma.directory,
			env: {
				...withoutSettings(machineEnvironment(kuma.node)),
				...options.repository,
				// Kuma glues file names to it.
				DATA_DIR: `${this.#dataDirectory}/`,
				UPTIME_KUMA_DB_TYPE: 'sqlite',
				UPTIME_KUMA_HOST: '127.0.0.1',
				UPTIME_KUMA_PORT: String(port),
				REPLICATOR_MODE: mode,
				REPLICATOR_INTERVAL: String(INTERVAL_SECONDS),
				REPLICATOR_HOSTNAME: fileName,
			},
			// Of a group of its own: a Ctrl-C is the demo's alone, which then stops everything in order.
			detached: true,
			stdio: ['ignore', log, log],
		});
		closeSync(log);
		// That it could not be started is told by whoever waits for it.
		this.#child.on('error', () => {});
	}

	/** Waits until its Kuma answers. */
	async ready(): Promise<void> {
		await this.waitUntil('Kuma answers', READY_MS, ({ kuma }) => kuma.state === 'running');
	}

	/** @returns null while it does not answer. @throws Error when it has ended. */
	async status(): Promise<Status | null> {
		const { exitCode, signalCode, pid } = this.#child;
		if (pid === undefined || exitCode !== null || signalCode !== null)
			throw new Error(`${this.name} has ended (${signalCode ?? exitCode}); see ${this.logPath}`);
		return await controlClient(statePaths(this.#dataDirectory).controlSocket).status();
	}

	/** Waits until its status is as wanted, and returns it. */
	async waitUntil(what: string, timeoutMs: number, isWanted: (status: Status) => boolean): Promise<Status> {
		let found: Status | null = null;
		await waitFor(
			async () => {
				found = await this.status();
				return found !== null && isWanted(found);
			},
			{ timeoutMs, what: `${this.name}: ${what}` },
		);
		return found as unknown as Status;
	}

	/** @returns everything of its database and its uploaded files that is replicated. */
	async content(): Promise<SnapshotContent> {
		const database = await openDatabase({ type: 'sqlite', path: join(this.#dataDirectory, 'kuma.db') });
		try {
			const taken = await database.read((reader) => takeTables(reader, CATALOG));
			const uploads = openUploads(this.#dataDirectory);
			return await toContent({ taken, catalog: CATALOG, timezone: 'UTC', readUpload: uploads.read });
		} finally {
			await database.close();
		}
	}

	/** Stops replication and Kuma, in order or else by force; nothing of it is left. */
	async stop(): Promise<void> {
		const { pid, exitCode, signalCode } = this.#child;
		if (pid === undefined) return;
		if (exitCode === null && signalCode === null) {
			const exit = once(this.#child, 'exit');
			const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
			this.#child.kill('SIGTERM');
			await exit;
			clearTimeout(force);
		}
		// Kuma outlives a replicator-kuma that was killed.
		const record = await loadRecord(statePaths(this.#dataDirectory).kumaRecord);
		if (record !== null && (await isStillAlive(record)))
			await endProcessGroup({ leaderPid: record.pid, graceMs: KUMA_GRACE_MS });
	}
}

const SETTINGS = /^(?:RESTIC_|REPLICATOR_|NTFY_|UPTIME_KUMA_|SSL_KEY|SSL_CERT|DATA_DIR$|HOST$|PORT$)/;

/** What the person's shell says about their own Kuma and repository is not for the demo. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
	return Object.fromEntries(Object.entries(environment).filter(([name]) => !SETTINGS.test(name)));
}
