import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { createConnection } from 'mysql2/promise';
import type { DatabaseConfig } from '../../src/model/database-config.ts';

type Row = Readonly<Record<string, unknown>>;

/** Tables as plain rows: what a script does with a database. */
export interface RowStore {
	rows(table: string): Promise<readonly Row[]>;
	empty(table: string): Promise<void>;
	/** In a transaction of its own. */
	insert(table: string, row: Row): Promise<void>;
	close(): Promise<void>;
}

export type StoreConfig = Extract<DatabaseConfig, { readonly type: 'sqlite' | 'mariadb' }>;

export function openRowStore(config: StoreConfig): Promise<RowStore> {
	return config.type === 'sqlite' ? openSqlite(config.path) : openMariadb(config);
}

async function openSqlite(path: string): Promise<RowStore> {
	const database = new DatabaseSync(path, { timeout: 10_000, enableForeignKeyConstraints: false });
	return {
		rows: async (table) =>
			has(database, table) ? (database.prepare(`SELECT * FROM "${table}"`).all() as Row[]) : [],
		empty: async (table) => {
			if (has(database, table)) database.exec(`DELETE FROM "${table}"`);
		},
		insert: async (table, row) => {
			const names = Object.keys(row);
			const marks = names.map(() => '?').join(', ');
			database
				.prepare(`INSERT INTO "${table}" (${names.map((name) => `"${name}"`).join(', ')}) VALUES (${marks})`)
				.run(...(Object.values(row) as SQLInputValue[]));
		},
		close: async () => database.close(),
	};
}

function has(database: DatabaseSync, table: string): boolean {
	return (
		database.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(table) !== undefined
	);
}

async function openMariadb(config: DatabaseConfig & { readonly type: 'mariadb' }): Promise<RowStore> {
	const { host, port, user, password, database } = config;
	const connection = await createConnection({ host, port, user, password, database, dateStrings: true });
	await connection.query('SET FOREIGN_KEY_CHECKS = 0');
	const [found] = await connection.query('SHOW TABLES');
	const tables = new Set((found as Row[]).flatMap((row) => Object.values(row)));
	return {
		rows: async (table) => {
			if (!tables.has(table)) return [];
			const [rows] = await connection.query('SELECT * FROM ??', [table]);
			return rows as Row[];
		},
		empty: async (table) => {
			if (tables.has(table)) await connection.query('TRUNCATE TABLE ??', [table]);
		},
		insert: async (table, row) => {
			await connection.query('INSERT INTO ?? SET ?', [table, row]);
		},
		close: () => connection.end(),
	};
}
