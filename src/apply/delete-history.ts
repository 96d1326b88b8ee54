import type { Database } from '../model/database.ts';
import type { HistoryTable, Plan } from '../model/plan.ts';
import type { Key, Value } from '../model/row.ts';

/**
 * Rows of history that may go with their monitor in the transaction that deletes it. Both databases take some 100 ms for
 * them, and Kuma waits as long.
 */
const ROWS_AT_ONCE_MAX = 10_000;

/** @returns the monitors whose history is too long to go with them in one transaction; all of them when it is together. */
export async function findLongHistory(request: {
	readonly database: Database;
	readonly monitors: readonly Key[];
	readonly tables: readonly HistoryTable[];
}): Promise<readonly Key[]> {
	const { database, monitors, tables } = request;
	const values = idsOf(monitors);
	const count = await database.read(async (reader) => {
		let rows = 0;
		for (const { table, column, isCascaded } of tables) {
			if (!isCascaded || rows > ROWS_AT_ONCE_MAX) continue;
			rows += await reader.countRows({ table, column, values, max: ROWS_AT_ONCE_MAX + 1 - rows });
		}
		return rows;
	});
	return count > ROWS_AT_ONCE_MAX ? monitors : [];
}

/** Deletes the history of monitors that are still there, but stopped, in slices between which Kuma can write. */
export async function deleteHistory(request: {
	readonly database: Database;
	readonly plan: Plan;
	readonly monitors: readonly Key[];
}): Promise<void> {
	const { database, plan, monitors } = request;
	const values = idsOf(monitors);
	for (const { table, column } of plan.history.tables) {
		await database.deleteInSlices({ table, column, values });
	}
}

/** Deletes what monitors that are gone have left in tables that do not refer to them. */
export async function deleteOrphanedHistory(request: {
	readonly database: Database;
	readonly plan: Plan;
}): Promise<void> {
	const { database, plan } = request;
	const removed = plan.changes.filter(({ table, kind }) => table === 'monitor' && kind === 'removed');
	if (removed.length === 0) return;
	const values = idsOf(removed.map(({ key }) => key));
	for (const { table, column, isCascaded } of plan.history.tables) {
		if (!isCascaded) await database.deleteInSlices({ table, column, values });
	}
}

function idsOf(monitors: readonly Key[]): Value[] {
	return monitors.flatMap(([id]) => (id === undefined ? [] : [id]));
}
