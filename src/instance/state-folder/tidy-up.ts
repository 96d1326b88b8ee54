import type { Log } from '../../model/log.ts';
import { removeLeftovers, type StatePaths } from './data-directory.ts';

/**
 * Removes what a killed run left behind, once in the life of a process that has the lock: later on it could be what this
 * run is writing. What cannot be removed stays and is logged.
 * @param options.before what is younger stays, in milliseconds since 1970; by default nothing does.
 * @throws ReplicatorError `file-access` where the folder cannot be read.
 */
export async function tidyUp(
	paths: StatePaths,
	options: { readonly log: Log; readonly before?: number },
): Promise<void> {
	const { failures } = await removeLeftovers(paths, options.before);
	for (const error of failures) options.log.warning('What an earlier run has left behind stays', { error });
}
