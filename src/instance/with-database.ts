import type { Database, DatabaseReader } from '../model/database.ts';
import type { Instance } from '../model/instance.ts';
import { isReplicatorError } from '../model/replicator-error.ts';

export interface NotSetUp {
	readonly outcome: 'not-set-up';
	/** A part of a sentence. */
	readonly reason: string;
}

/**
 * Opens the database of an instance for one cycle. One that Kuma has not finished is a state like any other, which
 * passes by itself: the wizard waits for a person, and after it, and after an upgrade, Kuma migrates. To write into
 * it, and to restart Kuma for that, would break what Kuma is doing.
 */
export async function withDatabase<Result>(
	instance: Instance,
	use: (database: Database) => Promise<Result>,
): Promise<Result | NotSetUp> {
	const opened = await instance.openDatabase();
	if (opened.outcome === 'not-set-up') return opened;
	const { database } = opened;
	try {
		const { migrations } = instance.kuma;
		const pendingCount = await database.read((reader) => countPending(reader, migrations));
		if (pendingCount > 0) {
			const noun = pendingCount === 1 ? 'migration' : 'migrations';
			return { outcome: 'not-set-up', reason: `Uptime Kuma still has ${pendingCount} ${noun} to run` };
		}
		return await use(database);
	} catch (error) {
		if (!isReplicatorError(error, 'database-not-migrated')) throw error;
		return { outcome: 'not-set-up', reason: error.message.replace(/\.$/, '') };
	} finally {
		await database.close();
	}
}

/** @returns how many migrations of the installed Kuma have not been carried out; 0 where that cannot be told. */
async function countPending(reader: DatabaseReader, migrations: ReadonlySet<string> | null): Promise<number> {
	if (migrations === null || migrations.size === 0) return 0;
	const columns = (await reader.schema()).tables
		.get('knex_migrations')
		?.columns.filter(({ name }) => name === 'name');
	if (columns === undefined || columns.length === 0) return migrations.size;
	const rows = await reader.rows({ table: 'knex_migrations', columns, orderBy: ['name'] });
	const done = new Set(rows.map(([name]) => name));
	return [...migrations].filter((name) => !done.has(name)).length;
}
