import type { FleetInstance } from '../model/instance.ts';
import type { Retention } from '../model/lineage.ts';

const PRUNE_EVERY_MS = 24 * 60 * 60 * 1000;

/** After a publish: forgets snapshots that the rules do not keep, and frees their space at most once a day. */
export async function retain(
	instance: FleetInstance,
	request: { readonly retention: Retention; readonly headId: string },
): Promise<void> {
	const { repository, state, log } = instance;
	const retained = await repository.retain(request);
	if (retained.outcome === 'append-only') return;
	if (retained.forgotten.length > 0) log.info('Forgot old snapshots', { count: retained.forgotten.length });
	const { lastPrunedAt } = state.read();
	const isDue = lastPrunedAt === null || instance.now() - Date.parse(lastPrunedAt) >= PRUNE_EVERY_MS;
	if (!isDue) return;
	const pruned = await repository.prune();
	await state.save({ lastPrunedAt: new Date(instance.now()).toISOString() });
	log.info('Pruned the repository', { outcome: pruned.outcome });
}
