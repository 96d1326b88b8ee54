import type { Database } from '../model/database.ts';
import type { DatabaseConfig } from '../model/database-config.ts';
import type { DatabaseOptions } from './database-limits.ts';
import { openSqliteDatabase } from './sqlite/sqlite-database.ts';

/**
 * Opens the database of a Kuma.
 * @throws ReplicatorError `database-not-migrated`, `database-unreachable`.
 */
export async function openDatabase(config: DatabaseConfig, options: DatabaseOptions = {}): Promise<Database> {
	if (config.type === 'sqlite') return openSqliteDatabase(config.path, options);
	// Loaded only where it is needed: the driver takes a third of the memory of an export from SQLite.
	const { openMariadbDatabase } = await import('./mariadb/mariadb-database.ts');
	return openMariadbDatabase(config, options);
}
