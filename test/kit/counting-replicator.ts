import { requireConfig } from '../../src/config/load-config.ts';
import { openRole } from '../../src/daemon/open-role.ts';
import { joinFleet, openInstance } from '../../src/instance/open-instance.ts';
import { prepareStateDirectory } from '../../src/instance/state-folder/data-directory.ts';
import type { ActingRole } from '../../src/model/acting-role.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import type { ResticCallReport } from '../../src/repository/restic/restic-process.ts';
import { unpackSqlite } from './fixtures.ts';
import { testRepository } from './restic.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { SILENT_LOG } from './test-instance.ts';

/** An instance as the daemon puts it together, whose calls of restic are seen. */
export interface CountingReplicator {
	readonly replicator: ActingRole;
	/** Every call of restic so far. */
	readonly calls: readonly ResticCallReport[];
	/** Of its SQLite database. */
	readonly path: string;
}

/** @param more variables of restic, beside those that every test has. */
export async function countingReplicator(
	location: string,
	mode: 'BACKUP' | 'RESTORE',
	more: Readonly<Record<string, string>> = {},
): Promise<CountingReplicator> {
	const dataDirectory = await temporaryDirectory('data');
	const path = await unpackSqlite('plain-2.3.2.sqlite.db.gz', dataDirectory);
	const { repository, environment, calls } = await testRepository({ location, environment: more });
	const env = { ...environment, REPLICATOR_MODE: mode, DATA_DIR: dataDirectory };
	const { config } = requireConfig(env, { needsRepository: true });
	const paths = await prepareStateDirectory(dataDirectory);
	const kuma = { version: '2.3.2', monitorTypes: null, migrations: null };
	const alone = await openInstance({ config, paths, log: SILENT_LOG, kuma });
	const instance = joinFleet(alone, { repository, reload: NO_RELOAD });
	return { replicator: openRole({ instance, config }), calls, path };
}
