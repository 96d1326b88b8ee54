import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import type { StoredType, TableRows, Value } from '../model/row.ts';
import type { ManifestTable } from '../model/snapshot.ts';
import { declaredStorage } from './declared-storage.ts';
import { decodeCell, encodeCell, storedTypeOf } from './stored-cell.ts';

/**
 * Writes a table as RFC 4180 CSV with a header row. NULL is an empty field without quotes, every other value is
 * quoted, as PostgreSQL's COPY … CSV with FORCE_QUOTE does, so that NULL, '' and 'null' are three things.
 */
export function encodeTable(table: TableRows): { csv: string; stored: StoredType[] } {
	const stored = table.columns.map((column, index) =>
		storedTypeOf(valuesAt(table, index), declaredStorage(column)),
	);
	const header: (string | null)[] = table.columns.map((column) => column.name);
	const records = table.rows.map((row) =>
		row.map((value, index) => encodeCell(value, stored[index] ?? 'text')),
	);
	// quoted_string quotes the empty string, and not what was null.
	const csv = stringify([header, ...records], {
		quoted: true,
		quoted_string: true,
		record_delimiter: '\r\n',
	});
	return { csv, stored };
}

function* valuesAt(table: TableRows, index: number): Generator<Value> {
	for (const row of table.rows) yield row[index] ?? null;
}

/**
 * Reads what {@link encodeTable} wrote.
 * @throws RangeError that names the line and column when the text is not such a table, or not the one described.
 */
export function decodeTable(csv: string, described: ManifestTable): TableRows {
	const records = parseRecords(csv);
	const [header, ...body] = records;
	const names = described.columns.map((column) => column.name);
	if (header === undefined || header.length !== names.length || header.some((name, i) => name !== names[i])) {
		throw new RangeError(`the header does not list the manifest's ${names.length} columns`);
	}
	if (body.length !== described.rowCount) {
		throw new RangeError(`there are ${body.length} rows instead of ${described.rowCount}`);
	}
	const rows = body.map((record, line) => record.map((cell, i) => decodeAt(cell, described, { i, line })));
	return {
		name: described.name,
		columns: described.columns.map(({ stored: _stored, ...column }) => column),
		key: described.key,
		rows,
	};
}

function decodeAt(cell: string | null, described: ManifestTable, at: { i: number; line: number }): Value {
	const column = described.columns[at.i];
	try {
		return decodeCell(cell, column?.stored ?? 'text');
	} catch (error) {
		const reason = error instanceof Error ? error.message : String(error);
		throw new RangeError(`row ${at.line + 1}, column ${column?.name}: ${reason}`);
	}
}

function parseRecords(csv: string): (string | null)[][] {
	let hasBareText = false;
	const records = parse(csv, {
		record_delimiter: '\r\n',
		relax_quotes: false,
		cast: (field, context) => {
			if (context.quoting) return field;
			hasBareText ||= field !== '';
			return null;
		},
	}) as unknown as (string | null)[][];
	if (hasBareText) throw new RangeError('a value is not quoted');
	return records;
}
