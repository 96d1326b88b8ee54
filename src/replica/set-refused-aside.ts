import { type RefusedRow, rehearsePlan } from '../apply/rehearse-plan.ts';
import type { CatalogTable } from '../model/catalog-table.ts';
import type { Database } from '../model/database.ts';
import type { Log } from '../model/log.ts';
import type { Plan } from '../model/plan.ts';
import type { Refusal, Refusals } from '../model/refusal.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { findRow } from '../plan/find-row.ts';
import { keyText } from '../plan/values/same-value.ts';
import type { TakenTables } from '../snapshot/take.ts';

/** Each round finds more, or the last; what refers to a refused row is found a round later. */
const ROUNDS_MAX = 30;

/**
 * @returns a plan that the database has been seen to take, and what had to be left out of it. Where it refuses something
 * that no plan can do without, or still something new after many rounds, that is logged, and the plan is one that was not
 * seen to be taken: the database says no to it in words of its own.
 */
export async function setRefusedAside(request: {
	readonly plan: Plan;
	readonly refused: Refusals;
	readonly replan: (refused: Refusals) => Plan;
	readonly database: Database;
	readonly catalog: readonly CatalogTable[];
	readonly snapshot: Snapshot;
	readonly taken: TakenTables;
	readonly log: Log;
}): Promise<{ readonly plan: Plan; readonly refused: Refusals }> {
	let { plan, refused } = request;
	for (let round = 1; ; round += 1) {
		const found = await rehearsePlan({ plan, database: request.database });
		if (found.length === 0) return { plan, refused };
		const known = refused;
		const more = found.map((row) => toRefusal(request, row, known));
		if (round >= ROUNDS_MAX || more.every((row) => isSetAside(row, known))) {
			const [first] = more;
			request.log.warning('The database refuses a plan whatever is left out of it', {
				refused: `${first?.verb} ${first?.table} ${first?.key}`,
				reason: first?.reason,
				rounds: round,
			});
			return { plan, refused };
		}
		refused = joinRefusals(refused, { rows: more, files: new Map() });
		plan = request.replan(refused);
	}
}

/** Whether everything that a plan can do about a row was done before. */
function isSetAside(row: Refusal, { rows }: Refusals): boolean {
	return rows.some((known) => known.isUntouchable && nameOf(known) === nameOf(row));
}

/** @returns whether a row, or a change of it, was refused that is not known for it. */
export function hasNews(found: Refusals, known: Refusals): boolean {
	const names = new Set(known.rows.map(nameOf));
	return found.rows.some((row) => !names.has(nameOf(row)));
}

/** @returns both; of two about the same, the second. */
export function joinRefusals(first: Refusals, second: Refusals): Refusals {
	const rows = new Map([...first.rows, ...second.rows].map((row) => [nameOf(row), row]));
	return { rows: [...rows.values()], files: new Map([...first.files, ...second.files]) };
}

function nameOf({ table, key, verb }: Pick<Refusal, 'table' | 'key' | 'verb'>): string {
	return `${verb} ${table} ${key}`;
}

function toRefusal(
	request: {
		readonly catalog: readonly CatalogTable[];
		readonly snapshot: Snapshot;
		readonly taken: TakenTables;
	},
	{ table, key: found, verb, refusal, values }: RefusedRow,
	known: Refusals,
): Refusal {
	const key = keyText(found);
	const shown = request.catalog.find(({ name }) => name === table)?.shownColumns ?? [];
	const rows = [
		Object.fromEntries(values),
		findRow(request.snapshot.content.tables, { table, key }) ?? {},
		findRow(request.taken.tables, { table, key }) ?? {},
	];
	const secrets = rows.flatMap((row) =>
		Object.entries(row).flatMap(([column, value]) =>
			shown.includes(column) || value === null || value instanceof Uint8Array ? [] : String(value),
		),
	);
	// Refused again although it was left as it is: not even what follows from other rows can be written.
	const isUntouchable = known.rows.some((row) => nameOf(row) === nameOf({ table, key, verb }));
	return { table, key, verb, isUntouchable, reason: refusal.reasonWithout(secrets) };
}
