import { DatabaseSync } from 'node:sqlite';
import { createConnection } from 'mysql2/promise';
import { onTestFinished } from 'vitest';
import { openDatabase } from '../../src/database/open-database.ts';
import type { Database } from '../../src/model/database.ts';
import type { DatabaseConfig } from '../../src/model/database-config.ts';
import type { DatabaseKind } from '../../src/model/row.ts';
import { unpackSqlite } from './fixtures.ts';
import type { PrivateMariadb } from './private-mariadb.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** The files of the database with nasty values, and what it is known to hold. */
export const NASTY = {
	sqlite: { database: 'nasty-2.5.3.sqlite.db.gz', truth: 'nasty-2.5.3.rows.json.gz' },
	mariadb: { database: 'nasty-2.5.3.mariadb.sql.gz', truth: 'nasty-2.5.3.mariadb.rows.json.gz' },
} as const;

export interface NastyDatabase {
	readonly kind: DatabaseKind;
	readonly config: DatabaseConfig;
	readonly database: Database;
	/** Another client of the same database, as Kuma is one. */
	readonly other: OtherClient;
}

export interface OtherClient {
	run(sql: string): Promise<void>;
	close(): Promise<void>;
}

let databaseCount = 0;

/** @returns a fresh copy of the database with nasty values, gone when the running test ends. */
export async function makeNastyDatabase(kind: DatabaseKind, server?: PrivateMariadb): Promise<NastyDatabase> {
	if (kind === 'sqlite' || server === undefined) {
		const path = await unpackSqlite(NASTY.sqlite.database, await temporaryDirectory());
		const config: DatabaseConfig = { type: 'sqlite', path };
		return { kind, config, database: await openDatabase(config), other: otherSqliteClient(path) };
	}
	databaseCount += 1;
	const config = await server.createDatabase(`nasty_copy_${databaseCount}`);
	await server.importFixture(NASTY.mariadb.database, config.database);
	return { kind, config, database: await openDatabase(config), other: await otherMariadbClient(config) };
}

function otherSqliteClient(path: string): OtherClient {
	const connection = new DatabaseSync(path, { enableForeignKeyConstraints: false });
	const client: OtherClient = {
		run: async (sql) => connection.exec(sql),
		close: async () => {
			if (connection.isOpen) connection.close();
		},
	};
	onTestFinished(() => client.close());
	return client;
}

async function otherMariadbClient(config: DatabaseConfig & { type: 'mariadb' }): Promise<OtherClient> {
	const { user, password, database, socketPath } = config;
	const connection = await createConnection({
		user,
		password,
		database,
		multipleStatements: true,
		...(socketPath === undefined ? {} : { socketPath }),
	});
	onTestFinished(() => connection.destroy());
	return {
		run: async (sql) => {
			await connection.query(sql);
		},
		close: async () => connection.destroy(),
	};
}
