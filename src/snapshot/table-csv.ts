import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import type { Row, StoredType, TableRows, Value } from '../model/row.ts';
import type { ManifestTable } from '../model/snapshot.ts';
import { declaredStorage } from './declared-storage.ts';
import { decodeCell, encodeCell, storedTypeOf } from './stored-cell.ts';

/** Text in the making takes many times the memory of its bytes, so a large table becomes bytes piece by piece. */
const ROWS_AT_ONCE = 100;

/**
 * Writes a table as RFC 4180 CSV with a header row. NULL is an empty field without quotes, every other value is
 * quoted, as PostgreSQL's COPY … CSV with FORCE_QUOTE does, so that NULL, '' and 'null' are three things.
 */
export function encodeTable(table: TableRows): { csv: Buffer; stored: StoredType[] } {
	const stored = table.columns.map((column, index) =>
		storedTypeOf(valuesAt(table, index), declaredStorage(column)),
	);
	const chunks = [toCsv([table.columns.map((column) => column.name)])];
	for (let start = 0; start < table.rows.length; start += ROWS_AT_ONCE) {
		const rows = table.rows.slice(start, start + ROWS_AT_ONCE);
		chunks.push(toCsv(rows.map((row) => row.map((value, i) => encodeCell(value, stored[i] ?? 'text')))));
	}
	return { csv: Buffer.concat(chunks), stored };
}

function toCsv(records: (string | null)[][]): Buffer {
	// quoted_string quotes the empty string, and not what was null.
	const text = stringify(records, { quoted: true, quoted_string: true, record_delimiter: '\r\n' });
	return Buffer.from(text, 'utf8');
}

function* valuesAt(table: TableRows, index: number): Generator<Value> {
	for (const row of table.rows) yield row[index] ?? null;
}

/**
 * Reads what {@link encodeTable} wrote.
 * @throws RangeError that names the line and column when the text is not such a table, or not the one described.
 */
export function decodeTable(csv: string, described: ManifestTable): TableRows {
	const names = described.columns.map((column) => column.name);
	const rows: Row[] = [];
	let hasHeader = false;
	parseRecords(csv, (record) => {
		if (hasHeader) rows.push(decodeRow(record, described, rows));
		else requireHeader(record, names);
		hasHeader = true;
	});
	if (!hasHeader) requireHeader([], names);
	if (rows.length !== described.rowCount) {
		throw new RangeError(`there are ${rows.length} rows instead of ${described.rowCount}`);
	}
	return {
		name: described.name,
		columns: described.columns.map(({ stored: _stored, ...column }) => column),
		key: described.key,
		rows,
	};
}

function requireHeader(header: readonly (string | null)[], names: readonly string[]): void {
	if (header.length === names.length && header.every((name, i) => name === names[i])) return;
	throw new RangeError(`the header does not list the manifest's ${names.length} columns`);
}

function decodeRow(record: readonly (string | null)[], described: ManifestTable, above: readonly Row[]): Row {
	const rowAbove = above.at(-1);
	return record.map((cell, i) => {
		const value = decodeAt(cell, described, { i, line: above.length });
		// Most columns repeat themselves: one string for all, instead of an equal one in each row.
		const valueAbove = rowAbove?.[i];
		return value === valueAbove ? valueAbove : value;
	});
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

/** Hands over one record after the other: all of them at once would be a second copy of the table. */
function parseRecords(csv: string, onRecord: (record: (string | null)[]) => void): void {
	parse(csv, {
		record_delimiter: '\r\n',
		relax_quotes: false,
		cast: (field, context) => {
			if (context.quoting) return field;
			if (field !== '') throw new RangeError('a value is not quoted');
			return null;
		},
		on_record: (record) => {
			onRecord(record as unknown as (string | null)[]);
			return null;
		},
	});
}
