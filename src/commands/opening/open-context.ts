import { type Config, type LoadedConfig, loadConfig, requireConfig } from '../../config/load-config.ts';
import { openInstance } from '../../instance/open-instance.ts';
import { type StatePaths, statePaths } from '../../instance/state-folder/data-directory.ts';
import { standInPaths } from '../../instance/state-folder/stand-in-directory.ts';
import { lockSupervision } from '../../instance/state-folder/supervision-lock.ts';
import { tidyUp } from '../../instance/state-folder/tidy-up.ts';
import { locateKuma, readInstallation } from '../../kuma/installation.ts';
import { createLog } from '../../log/log.ts';
import { registerSecret } from '../../log/secrets.ts';
import type { Instance } from '../../model/instance.ts';
import type { Log } from '../../model/log.ts';

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

/** What a command needs that must answer whatever is wrong with the configuration. */
export interface Ground {
	readonly loaded: LoadedConfig;
	readonly log: Log;
	readonly paths: StatePaths;
}

/** Reads what can be used of the configuration, and sets the log up with it. Never fails. */
export function openGround(options: { readonly needsRepository: boolean }): Ground {
	const loaded = readConfiguration(options);
	return { loaded, log: createLog(loaded.usable.log), paths: statePaths(loaded.usable.dataDirectory) };
}

/** Reads the configuration as it is now; from here on nothing prints a secret that is in it. */
export function readConfiguration(options: { readonly needsRepository: boolean }): LoadedConfig {
	const loaded = loadConfig(process.env, options);
	for (const secret of loaded.usable.secrets) registerSecret(secret);
	return loaded;
}

/**
 * Runs `work` as the only replicator-kuma on the data directory.
 * @throws ReplicatorError `data-directory-in-use`.
 */
export async function withInstance<Result>(
	context: Context,
	work: (instance: Instance) => Promise<Result>,
): Promise<Result> {
	const { config, log, paths } = context;
	const { dataDirectory } = config;
	const lock = await lockSupervision({ dataDirectory, paths, standIn: await standInPaths(dataDirectory) });
	try {
		if (lock.trouble !== null) throw lock.trouble;
		await tidyUp(paths, { log });
		const kuma = await readInstallation(locateKuma({ command: [], cwd: process.cwd() }));
		return await work(await openInstance({ config, paths, log, kuma }));
	} finally {
		await lock.release();
	}
}
