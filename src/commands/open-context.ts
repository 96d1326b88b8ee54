import { type Config, requireConfig } from '../config/load-config.ts';
import {
	prepareStateDirectory,
	removeLeftovers,
	type StatePaths,
	statePaths,
} from '../daemon/data-directory.ts';
import { lockDataDirectory } from '../daemon/data-directory-lock.ts';
import { createLog } from '../daemon/log.ts';
import { openInstance } from '../daemon/open-instance.ts';
import { registerSecret } from '../daemon/secrets.ts';
import { locateKuma, readInstallation } from '../kuma/installation.ts';
import type { Instance } from '../model/instance.ts';
import type { Log } from '../model/log.ts';

export interface Context {
	readonly config: Config;
	readonly log: Log;
	readonly paths: StatePaths;
}

/**
 * Reads the configuration and sets the log up; from here on nothing prints a secret.
 * @throws ReplicatorError `configuration-invalid` with all problems at once.
 */
export function openContext(options: { readonly needsRepository: boolean }): Context {
	const { config, warnings } = requireConfig(process.env, options);
	for (const secret of config.secrets) registerSecret(secret);
	const log = createLog(config.log);
	for (const { variable, message } of warnings) log.warning(message, { variable });
	return { config, log, paths: statePaths(config.dataDirectory) };
}

/**
 * Runs `work` as the only replicator-kuma on the data directory.
 * @throws ReplicatorError `data-directory-in-use`.
 */
export async function withInstance<Result>(
	context: Context,
	work: (instance: Instance) => Promise<Result>,
): Promise<Result> {
	const { config, log } = context;
	const paths = await prepareStateDirectory(config.dataDirectory);
	const lock = await lockDataDirectory(paths);
	try {
		await removeLeftovers(paths);
		const kuma = await readInstallation(locateKuma({ command: [], cwd: process.cwd() }));
		return await work(await openInstance({ config, paths, log, kuma }));
	} finally {
		await lock.release();
	}
}
