import type { Column, DatabaseSchema } from '../../src/model/row.ts';

/** Two Kumas' databases, and which of their tables are replicated. */
export interface SchemasToCompare {
	readonly before: DatabaseSchema;
	readonly after: DatabaseSchema;
	readonly replicated: ReadonlySet<string>;
}

/** @returns what is different, as a table in Markdown; replicated tables stand first. */
export function describeSchemaDifference(request: SchemasToCompare): string {
	const { before, after, replicated } = request;
	const names = [...new Set([...before.tables.keys(), ...after.tables.keys()])].sort(
		(a, b) => Number(replicated.has(b)) - Number(replicated.has(a)) || a.localeCompare(b),
	);
	const rows = names.flatMap((name) =>
		differencesOf(before.tables.get(name)?.columns, after.tables.get(name)?.columns).map(
			([column, difference]) =>
				`| ${name} | ${replicated.has(name) ? 'yes' : 'no'} | ${column} | ${difference} |`,
		),
	);
	if (rows.length === 0) return 'The databases have the same tables and columns.';
	return ['| table | replicated | column | difference |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

type Columns = readonly Column[] | undefined;

function differencesOf(before: Columns, after: Columns): [column: string, difference: string][] {
	if (before === undefined) return [[(after ?? []).map(({ name }) => name).join(', '), 'new table']];
	if (after === undefined) return [['', 'table is gone']];
	const names = new Set([...before, ...after].map(({ name }) => name));
	return [...names].flatMap((name): [string, string][] => {
		const old = before.find((column) => column.name === name);
		const young = after.find((column) => column.name === name);
		if (old === undefined) return [[name, `new: ${describe(young)}`]];
		if (young === undefined) return [[name, 'is gone']];
		return describe(old) === describe(young) ? [] : [[name, `${describe(old)} → ${describe(young)}`]];
	});
}

function describe(column: Column | undefined): string {
	if (column === undefined) return '';
	const { declared, isNullable, allowedValues } = column;
	const allowed = allowedValues === undefined ? '' : ` in (${allowedValues.join(', ')})`;
	return `${declared}${isNullable ? '' : ' NOT NULL'}${allowed}`;
}
