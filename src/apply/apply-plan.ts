import type { CatalogTable } from '../model/catalog-table.ts';
import type { Database, DatabaseWriter } from '../model/database.ts';
import type { Uploads } from '../model/instance.ts';
import type { Plan, SettingChange, Step } from '../model/plan.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import type { DatabaseSchema, Key } from '../model/row.ts';

/**
 * Carries out a plan, once: all of its statements in one transaction, so that a process that dies at any point
 * leaves the state from before or the state from after. Files are written before the rows that show them and deleted
 * after the rows that showed them, so that a page never shows a missing image.
 * @throws ReplicatorError `database-changed-meanwhile` (retryable) when a row is no longer as the plan found it;
 * nothing was changed then, and a new plan will do.
 */
export async function applyPlan(request: {
	readonly plan: Plan;
	readonly database: Database;
	readonly catalog: readonly CatalogTable[];
	readonly uploads: Uploads;
}): Promise<void> {
	const { plan, database, catalog, uploads } = request;
	for (const { path, content } of plan.files.writes) await uploads.write(path, content);
	await deleteHistory(database, catalog, plan.removedMonitors);
	const tables = [...new Set(plan.steps.map(({ table }) => table))];
	if (plan.steps.length > 0 || plan.settings.length > 0) {
		await database.write(async (writer) => {
			const brokenBefore = await writer.countBrokenReferences(tables);
			for (const step of plan.steps) await carryOut(writer, step);
			if (plan.settings.length > 0) await writeSettings(writer, plan.settings);
			await refuseBrokenReferences(writer, tables, brokenBefore);
		});
	}
	for (const path of plan.files.deletes) await uploads.remove(path);
}

/**
 * The history of removed monitors, which can be large, goes first and in slices: the cascade of one DELETE would keep
 * Kuma from writing for as long as it takes (0.6 s for 100 monitors with one day of history).
 */
async function deleteHistory(
	database: Database,
	catalog: readonly CatalogTable[],
	removed: readonly Key[],
): Promise<void> {
	if (removed.length === 0) return;
	const schema = await database.read((reader) => reader.schema());
	const values = removed.flatMap(([id]) => (id === undefined ? [] : [id]));
	for (const { table, column } of historyOf(schema, catalog)) {
		await database.deleteInSlices({ table, column, values });
	}
}

function historyOf(
	schema: DatabaseSchema,
	catalog: readonly CatalogTable[],
): { table: string; column: string }[] {
	return [...schema.tables.values()]
		.filter(({ name }) => !catalog.some((entry) => entry.name === name))
		.flatMap(({ name, references }) =>
			references
				.filter(({ toTable, onDelete }) => toTable === 'monitor' && onDelete === 'cascade')
				.map(({ column }) => ({ table: name, column })),
		);
}

async function carryOut(writer: DatabaseWriter, step: Step): Promise<void> {
	switch (step.kind) {
		case 'delete': {
			const deleted = await writer.delete(step);
			if (deleted !== step.keys.length) throw changedMeanwhile(step.table);
			return;
		}
		case 'insert':
			await writer.insert(step);
			return;
		case 'update': {
			const matched = await writer.update(step);
			if (matched !== 1) throw changedMeanwhile(step.table);
			return;
		}
	}
}

async function writeSettings(writer: DatabaseWriter, settings: readonly SettingChange[]): Promise<void> {
	const declared = (await writer.schema()).tables.get('setting')?.columns ?? [];
	const columnsNamed = (...names: string[]) =>
		names.flatMap((name) => declared.find((column) => column.name === name) ?? []);
	for (const { name, after } of settings) {
		const matched = await writer.update({
			table: 'setting',
			keyColumns: ['key'],
			key: [name],
			columns: columnsNamed('value'),
			values: [after],
		});
		if (matched === 0) {
			await writer.insert({ table: 'setting', columns: columnsNamed('key', 'value'), rows: [[name, after]] });
		}
	}
}

async function refuseBrokenReferences(
	writer: DatabaseWriter,
	tables: readonly string[],
	brokenBefore: number,
): Promise<void> {
	const broken = await writer.countBrokenReferences(tables);
	if (broken > brokenBefore) {
		throw new ReplicatorError(
			`The apply was undone: ${broken - brokenBefore} rows would have pointed nowhere.`,
			{
				code: 'database-write-failed',
				hint: 'Nothing was changed. Run "replicator-kuma diff" and report what it shows.',
			},
		);
	}
}

function changedMeanwhile(table: string): ReplicatorError {
	return new ReplicatorError(`Somebody changed the table ${table} while it was being applied to.`, {
		code: 'database-changed-meanwhile',
		hint: 'Nothing was changed. It is tried again with a new plan.',
		isRetryable: true,
	});
}
