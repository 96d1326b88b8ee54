import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gunzipSync } from 'node:zlib';
import type { Value } from '../../src/model/row.ts';

const ROOT = resolve(import.meta.dirname, '../../../shared/fixtures');
const SAMPLE = { name: 'plain-2.3.2.sqlite.db.gz', sql: join(import.meta.dirname, 'sample-kuma.sql') };

/** @returns where a fixture lies. */
export function fixturePath(name: string): string {
	const path = join(ROOT, name);
	if (!existsSync(path)) {
		throw new Error(`${path} is not there: these tests need the folder "shared" beside the checkout.`);
	}
	return path;
}

/** @returns the unpacked bytes of a gzipped fixture. */
export async function readFixture(name: string): Promise<Buffer> {
	return gunzipSync(await readFile(fixturePath(name)));
}

/**
 * Unpacks a SQLite fixture into `directory` as Kuma keeps it: kuma.db and db-config.json. Without the folder of
 * fixtures, the small one is made anew.
 */
export async function unpackSqlite(name: string, directory: string): Promise<string> {
	await mkdir(directory, { recursive: true });
	const path = join(directory, 'kuma.db');
	if (name === SAMPLE.name && !existsSync(ROOT)) await makeSample(path);
	else await writeFile(path, await readFixture(name));
	await writeFile(join(directory, 'db-config.json'), '{"type":"sqlite"}');
	return path;
}

/** Makes the database of a small Kuma, with the same tables and rows as a real one has. */
export async function makeSample(path: string): Promise<void> {
	const database = new DatabaseSync(path);
	database.exec(await readFile(SAMPLE.sql, 'utf8'));
	database.close();
}

export type TruthRow = Readonly<Record<string, Value>>;

/** @returns the rows that a fixture database is known to hold, by table, ordered by id. */
export async function readTruth(name: string): Promise<Map<string, TruthRow[]>> {
	const text = (await readFixture(name)).toString('utf8');
	const raw = JSON.parse(text) as Record<string, Record<string, unknown>[]>;
	return new Map(Object.entries(raw).map(([table, rows]) => [table, rows.map(toTruthRow)]));
}

function toTruthRow(row: Record<string, unknown>): TruthRow {
	return Object.fromEntries(
		Object.entries(row).map(([column, value]) => {
			if (typeof value === 'object' && value !== null && 'int' in value)
				return [column, BigInt(String(value.int))];
			return [column, value as Value];
		}),
	);
}
