import { DatabaseSync } from 'node:sqlite';
import { CATALOG } from '../src/catalog/index.ts';
import { readSqliteSchema } from '../src/database/sqlite/sqlite-schema.ts';
import { describeSchemaDifference } from './automation/describe-schema-difference.ts';

/** Prints in what the tables of two Kumas' SQLite databases differ, for the issue about a release that fails. */

const [before, after] = process.argv.slice(2);
if (before === undefined || after === undefined)
	throw new Error('Usage: schema-difference.ts OLDER-KUMA.db NEWER-KUMA.db');
const read = (path: string) => readSqliteSchema(new DatabaseSync(path, { readOnly: true }));
const replicated = new Set(CATALOG.map(({ name }) => name));
console.log(describeSchemaDifference({ before: read(before), after: read(after), replicated }));
