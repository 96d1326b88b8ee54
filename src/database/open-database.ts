import type { Database } from '../model/database.ts';
import type { DatabaseConfig } from '../model/database-config.ts';
import { openSqliteDatabase } from './sqlite-database.ts';

/**
 * Opens the database of a Kuma.
 * @throws ReplicatorError `database-not-migrated`, `database-unreachable`.
 */
export async function openDatabase(config: DatabaseConfig): Promise<Database> {
	if (config.type === 'sqlite') return openSqliteDatabase(config.path);
	// Loaded only where it is needed: the driver takes a third of the memory of an export from SQLite.
	const { openMariadbDatabase } = await import('./mariadb-database.ts');
	return openMariadbDatabase(config);
}
