import type { DatabaseSync } from 'node:sqlite';
import type {
	Column,
	DatabaseSchema,
	DeleteAction,
	Reference,
	TableSchema,
	UniqueKey,
} from '../../model/row.ts';
import { parseDefault } from '../default-value.ts';

interface ColumnRow {
	readonly tbl: string;
	readonly name: string;
	readonly type: string;
	readonly notnull: number;
	readonly dflt_value: string | null;
	readonly pk: number;
	/** 0 for an ordinary column, 2 and 3 for generated ones. */
	readonly hidden: number;
}
interface IndexRow {
	readonly tbl: string;
	readonly idx: string;
	/** Null for an expression. */
	readonly name: string | null;
	readonly coll: string;
	readonly partial: number;
}
interface ForeignKeyRow {
	readonly tbl: string;
	readonly id: number;
	readonly seq: number;
	readonly to_table: string;
	readonly from_column: string;
	readonly to_column: string | null;
	readonly on_delete: string;
}

const TABLES =
	"SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

/** Reads what every table of a SQLite database looks like. */
export function readSqliteSchema(database: DatabaseSync): DatabaseSchema {
	const all = <Record>(text: string) => database.prepare(text).all() as unknown as Record[];
	const tables = all<{ name: string; sql: string }>(TABLES);
	const columns = all<ColumnRow>(
		`SELECT t.name AS tbl, c.name, c.type, c."notnull", c.dflt_value, c.pk, c.hidden
		FROM (${TABLES}) AS t JOIN pragma_table_xinfo(t.name) AS c ORDER BY t.name, c.cid`,
	);
	const indexes = all<IndexRow>(
		`SELECT t.name AS tbl, i.name AS idx, x.name, x.coll, i.partial
		FROM (${TABLES}) AS t JOIN pragma_index_list(t.name) AS i JOIN pragma_index_xinfo(i.name) AS x
		WHERE i."unique" = 1 AND i.origin <> 'pk' AND x.key = 1 ORDER BY t.name, i.name, x.seqno`,
	);
	const foreignKeys = all<ForeignKeyRow>(
		`SELECT t.name AS tbl, f.id, f.seq, f."table" AS to_table, f."from" AS from_column, f."to" AS to_column, f.on_delete
		FROM (${TABLES}) AS t JOIN pragma_foreign_key_list(t.name) AS f ORDER BY t.name, f.id, f.seq`,
	);
	const triggers = all<{ tbl: string }>("SELECT tbl_name AS tbl FROM sqlite_schema WHERE type = 'trigger'");
	const withTriggers = new Set(triggers.map(({ tbl }) => tbl.toLowerCase()));
	// Some 600 columns, and a table is asked for by each reference to it.
	const columnsByTable = Map.groupBy(columns, ({ tbl }) => tbl);
	const columnsOf = (table: string) => columnsByTable.get(table) ?? [];
	const keysOf = (table: string) =>
		columnsOf(table)
			.filter(({ pk }) => pk > 0)
			.sort((a, b) => a.pk - b.pk)
			.map(({ name }) => name);
	// SQLite takes `Monitor` for `monitor`, and so may a foreign key.
	const namesByFolded = new Map(tables.map(({ name }) => [name.toLowerCase(), name]));
	const asDeclared = (reference: Reference): Reference => {
		const toTable = namesByFolded.get(reference.toTable.toLowerCase()) ?? reference.toTable;
		const nameOf = (folded: string) =>
			columnsOf(toTable).find(({ name }) => name.toLowerCase() === folded)?.name;
		const toColumns = reference.columns.map((_column, index) => {
			const to = reference.toColumns[index];
			return (to === undefined ? keysOf(toTable)[index] : nameOf(to.toLowerCase())) ?? to ?? 'id';
		});
		return { ...reference, toTable, toColumns };
	};
	const schemas = tables.map(({ name, sql }): [string, TableSchema] => {
		const allowed = allowedValues(sql);
		return [
			name,
			{
				name,
				columns: columnsOf(name)
					.filter(({ hidden }) => hidden === 0)
					.map((column) => toColumn(column, allowed)),
				primaryKey: keysOf(name),
				uniqueKeys: toUniqueKeys(indexes.filter(({ tbl }) => tbl === name)),
				references: toReferences(foreignKeys.filter(({ tbl }) => tbl === name)).map(asDeclared),
				generatedColumns: columnsOf(name).flatMap((column) => (column.hidden > 1 ? [column.name] : [])),
				computedDefaults: columnsOf(name).flatMap((column) => (isComputed(column) ? [column.name] : [])),
				hasTriggers: withTriggers.has(name.toLowerCase()),
			},
		];
	});
	return { kind: 'sqlite', tables: new Map(schemas) };
}

function toColumn(row: ColumnRow, allowed: ReadonlyMap<string, readonly string[]>): Column {
	const defaultValue = parseDefault(row.dflt_value, { isNumeric: !/CHAR|CLOB|TEXT/i.test(row.type) });
	const allowedValues = allowed.get(row.name);
	return {
		name: row.name,
		declared: row.type,
		// SQLite calls a key nullable unless it is declared otherwise; an INTEGER PRIMARY KEY never is.
		isNullable: row.notnull === 0 && row.pk === 0,
		...(defaultValue === undefined ? {} : { defaultValue }),
		...(allowedValues === undefined ? {} : { allowedValues }),
	};
}

const TEXT = "'(?:[^']|'')*'";
const CHECK_IN = new RegExp(
	`check\\s*\\(\\s*[\`"[]?(\\w+)[\`"\\]]?\\s+in\\s*\\(\\s*(${TEXT}(?:\\s*,\\s*${TEXT})*)\\s*\\)\\s*\\)`,
	'gi',
);

/** Reads the conditions of the form `CHECK (column in ('a', 'b'))` out of a table's definition. */
function allowedValues(definition: string): Map<string, string[]> {
	const found = new Map<string, string[]>();
	for (const [, column = '', list = ''] of definition.matchAll(CHECK_IN)) {
		const texts = list.match(new RegExp(TEXT, 'g')) ?? [];
		found.set(
			column,
			texts.map((text) => text.slice(1, -1).replaceAll("''", "'")),
		);
	}
	return found;
}

/** Whether an expression, or SQLite's own counting, gives a new row its value. */
function isComputed({ dflt_value: text, type, pk }: ColumnRow): boolean {
	const isLiteral = parseDefault(text, { isNumeric: !/CHAR|CLOB|TEXT/i.test(type) }) !== undefined;
	return (text !== null && !isLiteral && !/^null$/i.test(text)) || (pk > 0 && /^integer$/i.test(type));
}

/** An index on an expression is left out: nobody here can evaluate it. */
function toUniqueKeys(rows: readonly IndexRow[]): UniqueKey[] {
	return [...Map.groupBy(rows, ({ idx }) => idx).values()].flatMap((columns) => {
		const names = columns.flatMap(({ name }) => name ?? []);
		if (names.length < columns.length) return [];
		return {
			columns: names,
			ignoresCase: columns.some(({ coll }) => coll.toUpperCase() === 'NOCASE'),
			...(columns.some(({ partial }) => partial === 1) ? { isPartial: true } : {}),
		};
	});
}

/** One that names no columns refers to the other table's primary key; its `toColumns` are empty here. */
function toReferences(rows: readonly ForeignKeyRow[]): Reference[] {
	return [...Map.groupBy(rows, ({ id }) => id).values()].map((columns) => ({
		columns: columns.map(({ from_column: from }) => from),
		toTable: columns[0]?.to_table ?? '',
		toColumns: columns.flatMap(({ to_column: to }) => to ?? []),
		onDelete: toDeleteAction(columns[0]?.on_delete ?? ''),
	}));
}

/** @returns what a foreign key does when the row that it refers to is deleted. */
export function toDeleteAction(rule: string): DeleteAction {
	if (rule === 'CASCADE') return 'cascade';
	return rule === 'SET NULL' ? 'set-null' : 'restrict';
}
