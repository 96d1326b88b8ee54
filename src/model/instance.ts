import type { Announcer } from './announcer.ts';
import type { CatalogTable } from './catalog-table.ts';
import type { Database } from './database.ts';
import type { Repository } from './lineage.ts';
import type { Log } from './log.ts';
import type { RefusalMemory } from './refusal.ts';
import type { Reload } from './reload.ts';
import type { ReplicatorMode } from './role.ts';
import type { Snapshot } from './snapshot.ts';
import type { StageClock } from './stages.ts';
import type { InstanceState } from './state.ts';

/** What this instance remembers; written durably before `save` resolves. */
export interface StateStore {
	read(): InstanceState;
	save(change: Partial<InstanceState>): Promise<void>;
}

/** Snapshots kept on disk (0600), by digest: the applied one, to plan against without the repository. */
export interface SnapshotStore {
	/** @returns the snapshot with that digest, verified, or null when it is not there or no longer whole. */
	load(digest: string): Promise<Snapshot | null>;
	/**
	 * Fills a new private directory by `write`, verifies what it holds, and keeps it under its digest. A directory
	 * whose write or verification failed is removed.
	 */
	keep(request: {
		readonly digest: string;
		/** What to call the snapshot in messages. */
		readonly where: string;
		readonly write: (directory: string) => Promise<void>;
	}): Promise<Snapshot>;
	/** Removes every snapshot but those. */
	dropAllBut(digests: readonly string[]): Promise<void>;
	/** Runs `use` with an empty private directory that is removed afterwards. Its path is always the same. */
	withPublishDirectory<Result>(use: (directory: string) => Promise<Result>): Promise<Result>;
	/** Runs `use` with an empty private directory for what is fetched and not a snapshot yet; removed afterwards. */
	withFetchDirectory<Result>(use: (directory: string) => Promise<Result>): Promise<Result>;
	/** @returns a new private directory with that name, for an export that is kept for a person. */
	makeExportDirectory(name: string): Promise<string>;
}

/** Uploaded files below the data directory; paths are relative to it. */
export interface Uploads {
	/**
	 * @returns the bytes, or null when there is no such file, or why it cannot be read. Only an ordinary file is opened,
	 * through ordinary folders, so that no link and no pipe can do any harm.
	 */
	read(path: string): Promise<Uint8Array | UnreadableFile | null>;
	/** Replaces the file as a whole. @throws ReplicatorError `file-access`, `disk-full`; the old one is still there then. */
	write(path: string, content: Uint8Array): Promise<void>;
	remove(path: string): Promise<void>;
}

export interface UnreadableFile {
	/** To be read after the file's path: "is a folder". */
	readonly reason: string;
}

export type OpenedDatabase =
	| { readonly outcome: 'not-set-up'; readonly reason: string }
	| { readonly outcome: 'opened'; readonly database: Database };

/** One Uptime Kuma with its database and data directory, and everything that the roles need around it. */
export interface Instance {
	readonly mode: ReplicatorMode;
	readonly hostname: string;
	readonly productVersion: string;
	readonly catalog: readonly CatalogTable[];
	readonly state: StateStore;
	readonly snapshots: SnapshotStore;
	readonly uploads: Uploads;
	readonly log: Log;
	readonly stages: StageClock;
	readonly refusals: RefusalMemory;
	/**
	 * The newest snapshot of the original that this process has read: a held one is not fetched at every poll, and its
	 * losses are named once.
	 */
	readonly legacyRead: { newest: { readonly id: string; readonly digest: string } | null };
	/** Whether push monitors are paused on this instance. */
	readonly pausesPushMonitors: boolean;
	/** What Kuma's installation tells; nulls where it cannot be found. */
	readonly kuma: {
		readonly version: string | null;
		readonly monitorTypes: ReadonlySet<string> | null;
		/** Names of the migrations that this Kuma makes of its database. */
		readonly migrations: ReadonlySet<string> | null;
	};
	/** @param signal ends what is under way in the database when it is aborted. */
	openDatabase(signal?: AbortSignal): Promise<OpenedDatabase>;
	/** @returns the time now, in milliseconds since 1970. */
	now(): number;
}

/** An instance that takes part in a fleet. */
export interface FleetInstance extends Instance {
	readonly repository: Repository;
	readonly reload: Reload;
	/** Where replicas listen to this instance; absent where they do not. */
	readonly announcer?: Announcer;
}
