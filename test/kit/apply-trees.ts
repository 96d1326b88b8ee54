import type { Database } from '../../src/model/database.ts';
import type { Uploads } from '../../src/model/instance.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { applySnapshot } from '../../src/replica/apply-snapshot.ts';
import { readTree } from '../../src/snapshot/read-tree.ts';
import { PLAIN_APPLY } from './plain-apply.ts';
import { testInstance } from './test-instance.ts';

/** Where the snapshots lie as trees. */
export interface Trees {
	readonly wanted: string;
	readonly previous: string;
}

/** Applies the wanted snapshot where the previous one was applied before, without a guard and without a Kuma. */
export async function applyTrees(
	{ database, uploads }: { readonly database: Database; readonly uploads: Uploads },
	{ wanted, previous }: Trees,
) {
	return applySnapshot({
		instance: testInstance({ database, uploads }),
		database,
		reload: NO_RELOAD,
		snapshot: await readTree({ directory: wanted, where: 'the wanted snapshot' }),
		...PLAIN_APPLY,
		previous: await readTree({ directory: previous, where: 'the previous snapshot' }),
	});
}
