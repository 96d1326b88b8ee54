import { openRepository } from '../../daemon/open-repository.ts';
import { openRole } from '../../daemon/open-role.ts';
import { joinFleet } from '../../instance/open-instance.ts';
import type { ActingRole } from '../../model/acting-role.ts';
import { isReplicatorError } from '../../model/replicator-error.ts';
import type { CycleReport } from '../../model/status.ts';
import { NO_RELOAD } from '../../reload/no-reload.ts';
import { openControlClient } from './ask-running.ts';
import { type Context, withInstance } from './open-context.ts';

/** Runs one cycle here, or asks the replicator-kuma that is running on the same data directory to run it. */
export async function runOrAsk(
	context: Context,
	cycle: (acting: Pick<ActingRole, 'backup' | 'restore'>) => Promise<CycleReport>,
): Promise<CycleReport> {
	try {
		return await withInstance(context, async (alone) => {
			const instance = joinFleet(alone, {
				repository: openRepository(context),
				reload: NO_RELOAD,
			});
			const acting = openRole({ instance, config: context.config });
			const report = await cycle(acting);
			await acting.tidy();
			return report;
		});
	} catch (error) {
		if (!isReplicatorError(error, 'data-directory-in-use')) throw error;
		const { config, paths } = context;
		return cycle(await openControlClient({ dataDirectory: config.dataDirectory, paths }));
	}
}
