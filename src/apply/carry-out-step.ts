import type { DatabaseWriter } from '../model/database.ts';
import type { SettingChange, Step } from '../model/plan.ts';
import { StatementRefused } from '../model/statement-refused.ts';

/**
 * Does one step of a plan in a transaction.
 * @throws StatementRefused `database-changed-meanwhile` when a row is no longer as the plan found it, or when the
 * database silently leaves it as it is.
 */
export async function carryOutStep(writer: DatabaseWriter, step: Step): Promise<void> {
	switch (step.kind) {
		case 'delete': {
			const deleted = await writer.delete(step);
			if (deleted !== step.keys.length) throw withoutEffect(step.table);
			return;
		}
		case 'insert':
			await writer.insert(step);
			return;
		case 'update': {
			const matched = await writer.update(step);
			if (matched !== 1) throw withoutEffect(step.table);
			return;
		}
		case 'forget':
			await writer.delete(step);
			return;
	}
}

/** Writes one of the local settings that follow from what is replicated. */
export async function writeSetting(writer: DatabaseWriter, { name, after }: SettingChange): Promise<void> {
	const declared = (await writer.schema()).tables.get('setting')?.columns ?? [];
	const columnsNamed = (...names: string[]) =>
		names.flatMap((column) => declared.find((each) => each.name === column) ?? []);
	const matched = await writer.update({
		table: 'setting',
		keyColumns: ['key'],
		key: [name],
		columns: columnsNamed('value'),
		values: [after],
	});
	if (matched > 0) return;
	await writer.insert({ table: 'setting', columns: columnsNamed('key', 'value'), rows: [[name, after]] });
}

function withoutEffect(table: string): StatementRefused {
	return new StatementRefused(`Rows of the table ${table} are no longer as they were planned with.`, {
		code: 'database-changed-meanwhile',
		hint: 'Nothing was changed. It is tried again with a new plan; if it stays so, a trigger on that table ignores the change: change or drop it.',
		isRetryable: true,
		words: 'the statement has no effect',
	});
}
