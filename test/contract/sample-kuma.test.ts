import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { CATALOG } from '../../src/catalog/index.ts';
import { makeSample, unpackSqlite } from '../kit/fixtures.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

/** What SQLite itself says of the tables: columns, keys, references and checks, whatever indexes are called. */
function describeTables(path: string) {
	const connection = new DatabaseSync(path, { readOnly: true });
	const ask = (sql: string, ...parameters: string[]) => connection.prepare(sql).all(...parameters);
	try {
		return ask("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").map(
			({ name, sql }) => {
				const table = String(name);
				const unique = ask(
					'SELECT name FROM pragma_index_list(?) WHERE "unique" AND origin <> \'pk\'',
					table,
				);
				const keys = unique.map((index) =>
					ask('SELECT name FROM pragma_index_info(?) ORDER BY seqno', String(index.name))
						.map((column) => column.name)
						.join(),
				);
				return {
					table,
					columns: ask('SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)', table).map(
						(column) => ({ ...column, type: String(column.type).toLowerCase() }),
					),
					keys: [...new Set(keys)].sort(),
					references: ask(
						'SELECT "from", "table", coalesce("to", \'id\') AS "to", on_delete, on_update FROM pragma_foreign_key_list(?) ORDER BY "from"',
						table,
					),
					checkCount: String(sql).match(/\bcheck\b/gi)?.length ?? 0,
				};
			},
		);
	} finally {
		connection.close();
	}
}

function readRows(path: string) {
	const connection = new DatabaseSync(path, { readOnly: true });
	try {
		return CATALOG.map(({ name }) => [name, connection.prepare(`SELECT * FROM "${name}" ORDER BY id`).all()]);
	} finally {
		connection.close();
	}
}

test('the database that tests make themselves is the one that a real Kuma 2.3.2 has made', async () => {
	const real = await unpackSqlite('plain-2.3.2.sqlite.db.gz', await temporaryDirectory());
	const sample = join(await temporaryDirectory(), 'kuma.db');
	await makeSample(sample);

	expect(describeTables(sample)).toEqual(describeTables(real));
	expect(readRows(sample)).toEqual(readRows(real));
});
