import type { Database, DatabaseWriter } from '../model/database.ts';
import type { Plan } from '../model/plan.ts';
import { StatementRefused } from '../model/statement-refused.ts';
import { carryOutStep, writeSetting } from './carry-out-step.ts';

/**
 * Carries out the rows and settings of a plan, once: all of its statements in one transaction, so that a process that
 * dies at any point leaves the state from before or the state from after.
 * @throws ReplicatorError `database-changed-meanwhile` (retryable) when a row is no longer as the plan found it;
 * a StatementRefused when the database does not let one pass. Nothing was changed then.
 */
export async function applyPlan(request: {
	readonly plan: Plan;
	readonly database: Database;
}): Promise<void> {
	const { plan, database } = request;
	if (plan.steps.length === 0 && plan.settings.length === 0) return;
	const tables = [...new Set(plan.steps.map(({ table }) => table))];
	await database.write(async (writer) => {
		const brokenBefore = await writer.countBrokenReferences(tables);
		for (const step of plan.steps) await carryOutStep(writer, step);
		for (const setting of plan.settings) await writeSetting(writer, setting);
		await refuseBrokenReferences(writer, tables, brokenBefore);
	});
}

async function refuseBrokenReferences(
	writer: DatabaseWriter,
	tables: readonly string[],
	brokenBefore: number,
): Promise<void> {
	const broken = await writer.countBrokenReferences(tables);
	if (broken > brokenBefore) {
		const words = `${broken - brokenBefore} rows would have had dangling references`;
		throw new StatementRefused(`The apply was undone: ${words}.`, {
			code: 'database-write-failed',
			hint: 'Nothing was changed. Run "replicator-kuma diff" and report what it shows.',
			words,
		});
	}
}
