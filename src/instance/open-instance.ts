import { openUploads } from '../apply/upload-directory.ts';
import { CATALOG } from '../catalog/index.ts';
import type { Config } from '../config/load-config.ts';
import { openDatabase } from '../database/open-database.ts';
import { loadDatabaseConfig } from '../kuma/db-config.ts';
import type { Installation } from '../kuma/installation.ts';
import type { Announcer } from '../model/announcer.ts';
import type { FleetInstance, Instance, OpenedDatabase } from '../model/instance.ts';
import type { Repository } from '../model/lineage.ts';
import type { Log } from '../model/log.ts';
import { PRODUCT_VERSION } from '../model/product-version.ts';
import type { Reload } from '../model/reload.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import { roleOf } from '../model/role.ts';
import { NO_CLOCK } from '../model/stages.ts';
import { createRefusalMemory } from './refusal-memory.ts';
import { openSnapshotDirectory } from './snapshots/snapshot-directory.ts';
import type { StatePaths } from './state-folder/data-directory.ts';
import { guestState, openStateStore } from './state-store.ts';

/** Puts the parts of one instance together: its database, its state, its folders. Opens nothing that must be closed. */
export async function openInstance(parts: {
	readonly config: Config;
	readonly paths: StatePaths;
	readonly log: Log;
	readonly kuma: Installation;
	/** Instead of the state on disk, which is neither read nor made: for a command that only looks. */
	readonly guestId?: string;
}): Promise<Instance> {
	const { config, paths, log, kuma } = parts;
	return {
		mode: config.mode,
		hostname: config.hostname,
		productVersion: PRODUCT_VERSION,
		catalog: CATALOG,
		state: parts.guestId === undefined ? await openStateStore(paths.stateFile) : guestState(parts.guestId),
		snapshots: openSnapshotDirectory(paths),
		uploads: openUploads(config.dataDirectory),
		log,
		stages: NO_CLOCK,
		refusals: createRefusalMemory(),
		legacyRead: { newest: null },
		pausesPushMonitors: config.pausesPushMonitors && roleOf(config.mode) === 'replica',
		kuma,
		openDatabase: (signal) => openKumaDatabase(config.dataDirectory, signal),
		now: () => Date.now(),
	};
}

/** The same, as a member of its fleet. */
export function joinFleet(
	instance: Instance,
	parts: { readonly repository: Repository; readonly reload: Reload; readonly announcer?: Announcer },
): FleetInstance {
	return { ...instance, ...parts };
}

/** No database yet is a state like any other: Kuma's wizard waits for a person, and Kuma makes its tables itself. */
export async function openKumaDatabase(dataDirectory: string, signal?: AbortSignal): Promise<OpenedDatabase> {
	const loaded = await loadDatabaseConfig(dataDirectory);
	if (loaded.outcome === 'not-set-up') return loaded;
	try {
		return { outcome: 'opened', database: await openDatabase(loaded.config, { signal }) };
	} catch (error) {
		if (!isReplicatorError(error, 'database-not-migrated')) throw error;
		return { outcome: 'not-set-up', reason: error.message.replace(/\.$/, '') };
	}
}
