import { borderlessTable } from '../../src/commands/printing/borderless-table.ts';
import type { ReplicaVerdict } from './check-fleet.ts';
import type { Progress } from './progress.ts';

const DIFFERENCES_MAX = 20;

/**
 * Prints a table of tables, rows and verdicts, then every difference, then how often a Kuma was restarted.
 * @returns whether every table of every replica is as it should be.
 */
export function printVerdicts(verdicts: readonly ReplicaVerdict[], progress: Progress): boolean {
	progress.line();
	progress.line(toTable(verdicts, progress));
	progress.line();
	const differences = verdicts.flatMap(({ name, tables }) =>
		tables.flatMap((table) => table.differences.map((difference) => `${name}: ${difference}`)),
	);
	for (const difference of differences.slice(0, DIFFERENCES_MAX)) progress.failed(difference);
	if (differences.length > DIFFERENCES_MAX)
		progress.failed(`and ${differences.length - DIFFERENCES_MAX} more`);
	const rowCount = verdicts.flatMap(({ tables }) => tables).reduce((sum, table) => sum + table.rowCount, 0);
	const compared = `${rowCount} rows and files on ${verdicts.length} replicas compared with the leader's`;
	const isGood = differences.length === 0 && rowCount > 0;
	if (isGood) progress.done(`${compared}: all as they should be`);
	else progress.failed(`${compared}: ${differences.length} differences`);
	progress.line(`restarts: ${verdicts.reduce((sum, { restarts }) => sum + restarts, 0)}`);
	return isGood;
}

function toTable(verdicts: readonly ReplicaVerdict[], progress: Progress): string {
	const table = borderlessTable(['table', ...verdicts.flatMap(({ name }) => [`${name}: rows`, 'verdict'])]);
	for (const { table: name } of verdicts[0]?.tables ?? []) {
		const cells = verdicts.flatMap(({ tables, ownTables }) => {
			const found = tables.find((each) => each.table === name);
			const count = found?.differences.length ?? 1;
			const good = ownTables.includes(name) ? '✓ kept its own' : '✓ equal';
			const verdict =
				count === 0 ? progress.colour('green', good) : progress.colour('red', `✗ ${count} differ`);
			return [{ content: String(found?.rowCount ?? 0), hAlign: 'right' as const }, verdict];
		});
		table.push([name, ...cells]);
	}
	return table.toString();
}
