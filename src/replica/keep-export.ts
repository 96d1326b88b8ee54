import { encodeTaken } from '../instance/snapshots/take-snapshot.ts';
import type { Instance } from '../model/instance.ts';
import type { TakenTables } from '../snapshot/take.ts';
import { writeTree } from '../snapshot/write-tree.ts';

/** Keeps what an instance holds as a snapshot tree in its data directory, before it is overwritten for good. */
export async function keepExport(instance: Instance, taken: TakenTables, label: string): Promise<string> {
	const { encoded, manifest } = await encodeTaken(instance, taken);
	const { createdAt, ...rest } = manifest(null);
	const directory = await instance.snapshots.makeExportDirectory(`${createdAt.replaceAll(':', '')}-${label}`);
	await writeTree({ directory, encoded, manifest: { createdAt, ...rest } });
	instance.log.warning('What this instance held before is kept; "replicator-kuma import" brings it back', {
		directory,
	});
	return directory;
}
