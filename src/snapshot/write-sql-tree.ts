import { join } from 'node:path';
import { createPrivateFile } from '../files/create-private-file.ts';
import type { TableRows, Value } from '../model/row.ts';
import type { SnapshotContent } from '../model/snapshot.ts';

const FILE = 'kuma.sql';

/**
 * Writes a snapshot as SQL that SQLite and MariaDB both run, for people. Nothing in the product reads it: what a
 * replica executes it makes itself.
 */
export async function writeSqlTree(request: {
	readonly directory: string;
	readonly content: SnapshotContent;
}): Promise<void> {
	const { directory, content } = request;
	const statements = content.tables.flatMap(toInserts);
	const text = [
		'-- Uptime Kuma configuration, for an empty database of the same version.',
		ENCODING,
		...statements,
		'',
	].join('\n');
	await createPrivateFile(join(directory, FILE), text);
	for (const { path, content: bytes } of content.files)
		await createPrivateFile(join(directory, 'files', path), bytes);
}

// MariaDB runs what stands in such a comment; to SQLite, which is always UTF-8, it is a comment.
const ENCODING = '/*!40101 SET NAMES utf8mb4 */;';

function toInserts(table: TableRows): string[] {
	const names = table.columns.map(({ name }) => `\`${name}\``).join(', ');
	return parentsFirst(table).map(
		(row) => `INSERT INTO \`${table.name}\` (${names}) VALUES (${row.map(toLiteral).join(', ')});`,
	);
}

/** A monitor in a group comes after the group, whatever their ids are. */
function parentsFirst(table: TableRows): TableRows['rows'] {
	const parent = table.columns.findIndex(({ name }) => name === 'parent');
	const id = table.columns.findIndex(({ name }) => name === 'id');
	if (parent < 0 || id < 0) return table.rows;
	const byId = new Map(table.rows.map((row) => [row[id], row]));
	const ordered = new Set<TableRows['rows'][number]>();
	const visit = (row: TableRows['rows'][number], seen: ReadonlySet<unknown>) => {
		const above = byId.get(row[parent]);
		if (above !== undefined && !seen.has(above)) visit(above, new Set([...seen, row]));
		ordered.add(row);
	};
	for (const row of table.rows) visit(row, new Set());
	return [...ordered];
}

// The two disagree about backslashes, and clients about control characters: such text goes as its bytes.
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for.
const UNSAFE = /[\\\u0000-\u001f\u007f]/;

function toLiteral(value: Value): string {
	if (value === null) return 'NULL';
	if (typeof value === 'number')
		return Number.isFinite(value) ? String(value) : value > 0 ? '9e999' : '-9e999';
	if (typeof value === 'bigint') return value.toString();
	if (value instanceof Uint8Array) return `X'${Buffer.from(value).toString('hex')}'`;
	if (UNSAFE.test(value)) return `CAST(X'${Buffer.from(value, 'utf8').toString('hex')}' AS CHAR)`;
	return `'${value.replaceAll("'", "''")}'`;
}
