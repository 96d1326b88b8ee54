import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseConfig } from '../../src/model/database-config.ts';

/** Tells a Kuma its database as its own set-up page does, in the form that every release of version 2 reads. */
export async function writeDatabaseConfig(
	dataDirectory: string,
	database: DatabaseConfig & { readonly type: 'mariadb' },
): Promise<void> {
	const config = {
		type: 'mariadb',
		hostname: database.host,
		port: database.port,
		dbName: database.database,
		username: database.user,
		password: database.password,
	};
	await writeFile(join(dataDirectory, 'db-config.json'), JSON.stringify(config, null, 4), { mode: 0o600 });
}
