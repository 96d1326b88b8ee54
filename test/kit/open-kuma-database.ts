import { openDatabase } from '../../src/database/open-database.ts';
import { loadDatabaseConfig } from '../../src/kuma/db-config.ts';
import type { Database } from '../../src/model/database.ts';

/** Opens the database of a Kuma beside it, whichever it uses. */
export async function openKumaDatabase(dataDirectory: string): Promise<Database> {
	const loaded = await loadDatabaseConfig(dataDirectory);
	if (loaded.outcome !== 'configured') throw new Error(loaded.reason);
	return openDatabase(loaded.config);
}
