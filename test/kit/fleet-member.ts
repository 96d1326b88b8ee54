import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CATALOG } from '../../src/catalog/index.ts';
import { requireConfig } from '../../src/config/load-config.ts';
import { openRole } from '../../src/daemon/open-role.ts';
import { joinFleet, openInstance } from '../../src/instance/open-instance.ts';
import { prepareStateDirectory, type StatePaths } from '../../src/instance/state-folder/data-directory.ts';
import type { Installation } from '../../src/kuma/installation.ts';
import type { ActingRole, BackupOrders } from '../../src/model/acting-role.ts';
import type { Announcer, LeaderStanding } from '../../src/model/announcer.ts';
import type { DatabaseConfig } from '../../src/model/database-config.ts';
import type { FleetInstance, Instance } from '../../src/model/instance.ts';
import type { LineagePlace, PublishedSnapshot, Repository } from '../../src/model/lineage.ts';
import type { Log } from '../../src/model/log.ts';
import type { Reload } from '../../src/model/reload.ts';
import type { ReplicatorMode } from '../../src/model/role.ts';
import type { InstanceState } from '../../src/model/state.ts';
import type { CycleReport } from '../../src/model/status.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { type TruthRow, unpackSqlite } from './fixtures.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { SILENT_LOG } from './test-instance.ts';
import { typedRows } from './typed-rows.ts';
import { writeDatabaseConfig } from './write-database-config.ts';

export interface MemberOptions {
	readonly mode: ReplicatorMode;
	readonly repository: Repository;
	/** A file of the folder of fixtures; a small realistic database when absent. */
	readonly fixture?: string;
	/** Instead of a fixture: a database that is there already. `edit` is for the fixture's alone. */
	readonly database?: DatabaseConfig & { readonly type: 'mariadb' };
	/** Kuma has made its tables, and nobody has set it up. */
	readonly isEmpty?: boolean;
	/** More variables, as an operator sets them. */
	readonly env?: Readonly<Record<string, string>>;
	readonly kuma?: Installation;
	/** Who is told of what a leader publishes. */
	readonly announcer?: Announcer;
	readonly now?: () => number;
	/** A clock that only goes forward. */
	readonly uptimeMs?: () => number;
	readonly log?: Log;
	/** Instead of a Kuma that nobody reloads. */
	readonly reload?: Reload;
	/** Asked at the beginning of each cycle for what cuts it short. */
	readonly signal?: () => AbortSignal;
}

/** An instance of a fleet on disk: a real database, state and snapshot directory, and a repository of any kind. */
export interface FleetMember {
	readonly dataDirectory: string;
	readonly paths: StatePaths;
	/** As its files say; it changes with a restart. */
	readonly instance: FleetInstance;
	readonly state: InstanceState;
	/** One cycle of its role. */
	cycle(): Promise<CycleReport>;
	backup(orders?: Partial<BackupOrders>): Promise<CycleReport>;
	/** The newest snapshot that it has seen in the repository. */
	readonly newest: PublishedSnapshot | null;
	/** Looks the head up before the next cycle, as the service does when somebody begins to edit. */
	foresee(): void;
	/** A cycle with a snapshot that is in this member's own store already, as its leader handed it over. */
	followLeader(place: LineagePlace): Promise<CycleReport>;
	/** The leader says which snapshot it stands by. @returns whether this member should look into the repository now. */
	hear(standing: LeaderStanding): boolean;
	restore(orders?: { readonly allowsDeletes?: boolean; readonly snapshotId?: string }): Promise<CycleReport>;
	/** Begins anew on the same disk, as a restarted program does. */
	restart(changes?: Partial<Omit<MemberOptions, 'fixture' | 'database' | 'isEmpty'>>): Promise<void>;
	/** Runs SQL on the database, as a Kuma in which a person edits. */
	edit(sql: string): void;
	/** @returns every replicated row, as column → value. */
	rows(): Promise<ReadonlyMap<string, readonly TruthRow[]>>;
	/** @returns one table's rows. */
	table(name: string): Promise<readonly TruthRow[]>;
}

/** Sets an instance up that has done nothing yet. It is gone when the running test ends. */
export async function fleetMember(options: MemberOptions): Promise<FleetMember> {
	const dataDirectory = await temporaryDirectory('member');
	const databasePath = join(dataDirectory, 'kuma.db');
	if (options.database === undefined) {
		await unpackSqlite(options.fixture ?? 'plain-2.3.2.sqlite.db.gz', dataDirectory);
		if (options.isEmpty === true) emptyDatabase(databasePath);
	} else {
		await writeDatabaseConfig(dataDirectory, options.database);
	}
	const paths = await prepareStateDirectory(dataDirectory);
	let settings = options;
	let running = await open({ ...settings, dataDirectory, paths });
	const member: FleetMember = {
		dataDirectory,
		paths,
		get instance() {
			return running.instance;
		},
		get state() {
			return running.instance.state.read();
		},
		get newest() {
			return running.replicator.newest;
		},
		cycle: () => tidied(running.replicator, (replicator) => replicator.cycle()),
		backup: (orders) =>
			tidied(running.replicator, (replicator) =>
				replicator.backup({ takesOver: false, allowsDeletes: false, dropsHeld: [], ...orders }),
			),
		foresee: () => running.replicator.foresee(),
		followLeader: (place) => running.replicator.followLeader(place),
		hear: (standing) => running.replicator.hear(standing),
		restore: ({ allowsDeletes = false, snapshotId = null } = {}) =>
			running.replicator.restore({ snapshotId, allowsDeletes, isDryRun: false }),
		async restart(changes) {
			settings = { ...settings, ...changes };
			running = await open({ ...settings, dataDirectory, paths });
		},
		edit(sql) {
			const connection = new DatabaseSync(databasePath);
			try {
				connection.exec(sql);
			} finally {
				connection.close();
			}
		},
		async rows() {
			const opened = await running.instance.openDatabase();
			if (opened.outcome !== 'opened') throw new Error(opened.reason);
			try {
				return await typedRows(opened.database);
			} finally {
				await opened.database.close();
			}
		},
		table: async (name) => (await member.rows()).get(name) ?? [],
	};
	return member;
}

/** A cycle, and what the service does behind it. */
async function tidied(
	replicator: ActingRole,
	cycle: (replicator: ActingRole) => Promise<CycleReport>,
): Promise<CycleReport> {
	const report = await cycle(replicator);
	await replicator.tidy();
	return report;
}

/** Removes every replicated row: what is left is what a Kuma makes by itself at its first start. */
function emptyDatabase(path: string): void {
	const connection = new DatabaseSync(path);
	for (const { name } of CATALOG.toReversed()) connection.exec(`DELETE FROM "${name}"`);
	connection.close();
}

async function open(
	options: MemberOptions & { readonly dataDirectory: string; readonly paths: StatePaths },
): Promise<{ instance: FleetInstance; replicator: ActingRole }> {
	const { mode, repository, paths, dataDirectory, now } = options;
	const { config } = requireConfig(
		{
			REPLICATOR_MODE: mode,
			DATA_DIR: dataDirectory,
			RESTIC_REPOSITORY: join(dataDirectory, 'not-used'),
			RESTIC_PASSWORD: 'not-used',
			// What replicas have different on purpose has tests of its own.
			REPLICATOR_PUSH_MONITORS: 'run',
			...options.env,
		},
		{ needsRepository: true },
	);
	const kuma = options.kuma ?? { version: '2.3.2', monitorTypes: null, migrations: null };
	const alone: Instance = await openInstance({ config, paths, log: options.log ?? SILENT_LOG, kuma });
	const instance = joinFleet(
		{ ...alone, ...(now === undefined ? {} : { now }) },
		{
			repository,
			reload: options.reload ?? NO_RELOAD,
			...(options.announcer === undefined ? {} : { announcer: options.announcer }),
		},
	);
	const { signal, uptimeMs } = options;
	return {
		instance,
		replicator: openRole({
			instance,
			config,
			...(signal === undefined ? {} : { signal }),
			...(uptimeMs === undefined ? {} : { uptimeMs }),
		}),
	};
}
