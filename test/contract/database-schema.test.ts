import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { DatabaseSchema, TableSchema } from '../../src/model/row.ts';
import { DATABASE_KINDS } from '../kit/database-kinds.ts';
import { fixturePath } from '../kit/fixtures.ts';
import { makeNastyDatabase } from '../kit/nasty-database.ts';
import { useMariadb } from '../kit/use-mariadb.ts';

interface Fact {
	readonly columns: { name: string; type: string; notnull: boolean; charset?: string }[];
	readonly primary_key: string[];
	readonly unique: { columns: string[] }[];
	/** SQLite's null means the other table's primary key. */
	readonly foreign_keys: {
		columns: string[];
		ref_table: string;
		ref_columns: (string | null)[];
		on_delete: string;
	}[];
}

const ON_DELETE: Readonly<Record<string, string>> = {
	CASCADE: 'cascade',
	'SET NULL': 'set-null',
	RESTRICT: 'restrict',
	'NO ACTION': 'restrict',
};

const mariadb = useMariadb();

function column(schema: DatabaseSchema, table: string, name: string) {
	return schema.tables.get(table)?.columns.find((each) => each.name === name);
}

function sorted<Item>(items: Iterable<Item>): Item[] {
	return [...items].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function factsOf(table: TableSchema) {
	return {
		columns: table.columns.map(({ name, declared, isNullable, charset }) => ({
			name,
			declared,
			isNullable,
			charset,
		})),
		primaryKey: table.primaryKey,
		uniqueKeys: sorted(table.uniqueKeys.map(({ columns }) => columns)),
		references: sorted(table.references.map((each) => ({ ...each }))),
	};
}

function expectedFacts(fact: Fact, facts: Record<string, Fact>) {
	return {
		columns: fact.columns.map(({ name, type, notnull, charset }) => ({
			name,
			declared: type,
			// SQLite calls a key nullable that is not declared otherwise, and never stores a NULL in it.
			isNullable: !notnull && !fact.primary_key.includes(name),
			charset,
		})),
		primaryKey: fact.primary_key,
		uniqueKeys: sorted(fact.unique.map(({ columns }) => columns)),
		references: sorted(
			fact.foreign_keys.map(({ columns, ref_table, ref_columns, on_delete }) => ({
				columns,
				toTable: ref_table,
				toColumns: ref_columns[0] === null ? facts[ref_table]?.primary_key : ref_columns,
				onDelete: ON_DELETE[on_delete],
			})),
		),
	};
}

describe.each(DATABASE_KINDS)('the schema of a %s database', (kind) => {
	async function readSchema(...preparation: string[]): Promise<DatabaseSchema> {
		const { database, other } = await makeNastyDatabase(kind, mariadb);
		for (const sql of preparation) await other.run(sql);
		return database.read((reader) => reader.schema());
	}

	test('is what Kuma 2.5.3 made, for every table', async () => {
		const text = await readFile(fixturePath('schema/2.5.3.json'), 'utf8');
		const facts = (JSON.parse(text) as Record<typeof kind, { tables: Record<string, Fact> }>)[kind].tables;

		const schema = await readSchema();

		expect(schema.kind).toBe(kind);
		for (const [name, fact] of Object.entries(facts)) {
			const table = schema.tables.get(name);
			expect(table && factsOf(table), name).toEqual(expectedFacts(fact, facts));
		}
	});

	test('tells defaults as stored values, and leaves expressions and NULL out', async () => {
		const schema = await readSchema();

		const defaultOf = (table: string, name: string) => column(schema, table, name)?.defaultValue;
		expect(defaultOf('monitor', 'conditions')).toBe('[]');
		expect(defaultOf('monitor', 'accepted_statuscodes_json')).toBe('["200-299"]');
		expect(defaultOf('monitor', 'ws_subprotocol')).toBe('');
		expect(defaultOf('monitor', 'cache_bust')).toBe(0);
		expect(defaultOf('monitor', 'weight')).toBe(2000);
		expect(defaultOf('status_page', 'auto_refresh_interval')).toBe(300);
		for (const [table, name] of [
			['monitor', 'name'],
			['monitor', 'created_date'],
			['monitor', 'snmp_oid'],
			['status_page', 'created_date'],
		] as const) {
			expect(column(schema, table, name), `${table}.${name}`).not.toHaveProperty('defaultValue');
		}
	});

	test('tells the only values that a column takes', async () => {
		const schema = await readSchema(
			kind === 'sqlite'
				? "CREATE TABLE nasty (id INTEGER PRIMARY KEY, mode TEXT CHECK (`mode` in ('it''s', 'a,b', 'c)')))"
				: "CREATE TABLE nasty (id INTEGER PRIMARY KEY, mode ENUM('it''s', 'a,b', 'c)'))",
		);

		expect(column(schema, 'monitor', 'snmp_version')?.allowedValues).toEqual(['1', '2c', '3']);
		expect(column(schema, 'nasty', 'mode')?.allowedValues).toEqual(["it's", 'a,b', 'c)']);
		expect(column(schema, 'monitor', 'method')).not.toHaveProperty('allowedValues');
	});

	test('takes a reference that names no column for one to the key of the other table', async () => {
		const schema = await readSchema(
			'CREATE TABLE other (code INTEGER PRIMARY KEY)',
			kind === 'sqlite'
				? 'CREATE TABLE nasty (id INTEGER PRIMARY KEY, a INTEGER REFERENCES other ON DELETE CASCADE)'
				: 'CREATE TABLE nasty (id INTEGER PRIMARY KEY, a INTEGER REFERENCES other (code) ON DELETE CASCADE)',
		);

		expect(schema.tables.get('nasty')?.references).toEqual([
			{ columns: ['a'], toTable: 'other', toColumns: ['code'], onDelete: 'cascade' },
		]);
	});

	test('keeps the columns of a foreign key of several together, in their order', async () => {
		const schema = await readSchema(
			'CREATE TABLE other (a INTEGER, b VARCHAR(20), PRIMARY KEY (a, b))',
			`CREATE TABLE nasty (id INTEGER PRIMARY KEY, x VARCHAR(20), y INTEGER, z INTEGER,
				FOREIGN KEY (y, x) REFERENCES other (a, b) ON DELETE SET NULL)`,
		);

		expect(schema.tables.get('nasty')?.references).toEqual([
			{ columns: ['y', 'x'], toTable: 'other', toColumns: ['a', 'b'], onDelete: 'set-null' },
		]);
	});

	test('says which columns are generated, which get a value by themselves, and where triggers run', async () => {
		const schema = await readSchema(
			`CREATE TABLE nasty (id INTEGER PRIMARY KEY ${kind === 'sqlite' ? '' : 'AUTO_INCREMENT'}, a INTEGER NOT NULL,
				b INTEGER GENERATED ALWAYS AS (a + 1), c VARCHAR(50) NOT NULL DEFAULT (lower('X')), d INTEGER NOT NULL DEFAULT 5)`,
			kind === 'sqlite'
				? 'CREATE TRIGGER watches AFTER UPDATE ON nasty BEGIN SELECT 1; END'
				: 'CREATE TRIGGER watches AFTER UPDATE ON nasty FOR EACH ROW SET @seen = 1',
		);

		expect(schema.tables.get('nasty')).toMatchObject({
			generatedColumns: ['b'],
			computedDefaults: ['id', 'c'],
			hasTriggers: true,
		});
		expect(schema.tables.get('monitor')).toMatchObject({ generatedColumns: [], hasTriggers: false });
	});

	test('takes no other condition for a list of the only values', async () => {
		const schema = await readSchema(
			"CREATE TABLE nasty (id INTEGER PRIMARY KEY, a INTEGER CHECK (a IN (1, 2)), b VARCHAR(9) CHECK (b IN ('x', lower(b))))",
		);

		expect(column(schema, 'nasty', 'a')).not.toHaveProperty('allowedValues');
		expect(column(schema, 'nasty', 'b')).not.toHaveProperty('allowedValues');
	});

	test('tells which unique keys take a capital for a small letter', async () => {
		const schema = await readSchema(
			`CREATE TABLE nasty (id INTEGER PRIMARY KEY, word VARCHAR(20) ${kind === 'sqlite' ? 'COLLATE NOCASE' : ''} UNIQUE, code VARCHAR(20) ${kind === 'sqlite' ? '' : 'COLLATE utf8mb4_bin'} UNIQUE)`,
		);

		const keys = new Map(
			schema.tables.get('nasty')?.uniqueKeys.map(({ columns, ignoresCase }) => [columns[0], ignoresCase]),
		);
		expect(keys).toEqual(
			new Map([
				['word', true],
				['code', false],
			]),
		);
		expect(schema.tables.get('status_page')?.uniqueKeys[0]?.ignoresCase).toBe(kind === 'mariadb');
	});

	test('leaves generated columns out, for nobody can write them', async () => {
		const schema = await readSchema(
			'CREATE TABLE nasty (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER GENERATED ALWAYS AS (a + 1))',
		);

		expect(schema.tables.get('nasty')?.columns.map(({ name }) => name)).toEqual(['id', 'a']);
	});
});
