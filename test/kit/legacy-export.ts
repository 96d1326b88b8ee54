import { CATALOG } from '../../src/catalog/index.ts';
import type { DatabaseKind, Value } from '../../src/model/row.ts';
import type { TruthRow } from './fixtures.ts';

const FOLDERS = { sqlite: 'sqlite_exports', mariadb: 'mysql_exports' } as const;
const NOT_EXPORTED = new Set(['docker_host', 'status_page_cname']);
/** The tables that the original exports. */
const TABLES = CATALOG.map(({ name }) => name).filter((name) => !NOT_EXPORTED.has(name));

/** @returns rows, by table, as the tree that an original leader backs up: path → text. Its SQL is left out. */
export function legacyTree(
	rows: ReadonlyMap<string, readonly TruthRow[]>,
	kind: DatabaseKind = 'sqlite',
): Record<string, string> {
	const tree: Record<string, string> = {
		'sql_statements/replicatorkuma_truncates.sql': TABLES.toReversed()
			.map((table) => `DELETE FROM \`${table}\`;`)
			.join('\n'),
	};
	for (const table of TABLES) {
		const [first, ...others] = rows.get(table) ?? [];
		// A table without rows has no file.
		if (first !== undefined) tree[`${FOLDERS[kind]}/${table}.csv`] = legacyCsv([first, ...others]);
	}
	return tree;
}

function legacyCsv(rows: readonly [TruthRow, ...TruthRow[]]): string {
	const columns = Object.keys(rows[0]);
	const records = rows.map((row) => columns.map((column) => toCell(row[column] ?? null)));
	return [columns, ...records].map((record) => `${record.join(',')}\n`).join('');
}

function toCell(value: Value): string {
	const text = value === null ? 'null' : String(value);
	return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
