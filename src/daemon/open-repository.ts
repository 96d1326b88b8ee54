import type { Config } from '../config/load-config.ts';
import type { StatePaths } from '../instance/state-folder/data-directory.ts';
import type { Repository } from '../model/lineage.ts';
import type { Log } from '../model/log.ts';
import { openResticRepository, type ResticRepositoryOptions } from '../repository/restic-repository.ts';

/** @returns the repository that the configuration names. */
export function openRepository(parts: {
	readonly config: Config;
	readonly paths: StatePaths;
	readonly log: Log;
	/** Aborting it ends what is under way, and lets nothing begin. */
	readonly signal?: AbortSignal;
	readonly onCall?: ResticRepositoryOptions['onCall'];
}): Repository {
	const { config, paths, log, signal, onCall } = parts;
	return openResticRepository({
		environment: config.repository.environment,
		cacheDirectory: paths.cacheDirectory,
		fleet: config.fleet,
		log,
		...(signal === undefined ? {} : { signal }),
		...(onCall === undefined ? {} : { onCall }),
	});
}
