import { joinFleet } from '../daemon/open-instance.ts';
import { openRepository } from '../daemon/open-repository.ts';
import { Replicator } from '../daemon/replicator.ts';
import { type ControlClient, controlClient } from '../http/control-client.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import type { CycleReport } from '../model/status.ts';
import { NO_RELOAD } from '../reload/no-reload.ts';
import { type Context, withInstance } from './open-context.ts';

/** Runs one cycle here, or asks the replicator-kuma that is running on the same data directory to run it. */
export async function runOrAsk(
	context: Context,
	cycle: (replicator: Pick<ControlClient, 'backup' | 'restore'>) => Promise<CycleReport>,
): Promise<CycleReport> {
	try {
		return await withInstance(context, async (alone) => {
			const instance = joinFleet(alone, {
				repository: openRepository(context),
				reload: NO_RELOAD,
			});
			const replicator = new Replicator({ instance, config: context.config });
			const report = await cycle(replicator);
			await replicator.tidy();
			return report;
		});
	} catch (error) {
		if (!isReplicatorError(error, 'data-directory-in-use')) throw error;
		return cycle(controlClient(context.paths.controlSocket));
	}
}
