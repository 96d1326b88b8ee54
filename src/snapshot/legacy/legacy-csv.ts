import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import type { Row, TableRows, TableSchema, Value } from '../../model/row.ts';

/** What the original writes for NULL, and for the text of the same four letters. */
const NULL_TEXT = 'null';
const KEY = 'id';
const WHOLE_NUMBER = /^(?:0|-?[1-9]\d*)$/;
/** Of declared types, those whose columns hold text and no instant. */
const TEXT_TYPE = /CHAR|CLOB|TEXT|ENUM/i;

/**
 * Reads a table as the original Replicator Kuma exports it: a header row, one row a line, LF, a field quoted only where
 * it holds a comma, a quote or a line feed. Spaces, CR and everything else in a field stand as they are stored.
 *
 * NULL and the text `null` look alike. It is NULL, unless the column here is a text that cannot be NULL. Types are lost,
 * too: what is the one way to write a number is that number, which a column for text makes the same text of again.
 * @param schema the same table as this instance's Kuma has it, where it does.
 * @throws RangeError that names the row, and holds no value, when the text is not such a table.
 */
export function decodeLegacyTable(
	csv: string,
	table: {
		readonly name: string;
		readonly schema: TableSchema | undefined;
		readonly volatileColumns: readonly string[];
	},
): TableRows {
	if (!csv.endsWith('\n')) throw new RangeError('it ends within a row');
	const [header = [], ...records] = parseRecords(csv);
	if (!header.includes(KEY)) throw new RangeError(`its header has no ${KEY}`);
	if (new Set(header).size !== header.length) throw new RangeError('its header has a column twice');
	// A table without rows is not exported at all.
	if (records.length === 0) throw new RangeError('it ends after its header');
	const kept = header.flatMap((name, index) =>
		table.volatileColumns.includes(name) ? [] : [{ name, index }],
	);
	const columns = kept.map(({ name }) => ({ name, declared: '', isNullable: true }));
	const readers = kept.map(({ name, index }) => {
		const isNeverNull = isTextThatCannotBeNull(table.schema, name);
		return (record: readonly string[]) => decodeValue(record[index] ?? '', isNeverNull);
	});
	const rows = records.map((record): Row => readers.map((read) => read(record)));
	const keyIndex = kept.findIndex(({ name }) => name === KEY);
	return { name: table.name, columns, key: [KEY], rows: orderByKey(rows, keyIndex) };
}

function isTextThatCannotBeNull(schema: TableSchema | undefined, name: string): boolean {
	const column = schema?.columns.find((candidate) => candidate.name === name);
	return column !== undefined && !column.isNullable && TEXT_TYPE.test(column.declared);
}

function decodeValue(cell: string, isNeverNull: boolean): Value {
	if (cell === NULL_TEXT) return isNeverNull ? cell : null;
	const number = Number(cell);
	if (WHOLE_NUMBER.test(cell)) return Number.isSafeInteger(number) ? number : BigInt(cell);
	return Number.isFinite(number) && String(number) === cell ? number : cell;
}

function orderByKey(rows: readonly Row[], keyIndex: number): Row[] {
	const byKey = new Map<number, Row>();
	for (const [index, row] of rows.entries()) {
		const key = row[keyIndex];
		if (typeof key !== 'number' || !Number.isSafeInteger(key)) {
			throw new RangeError(`row ${index + 1}: its ${KEY} is not a whole number`);
		}
		if (byKey.has(key)) throw new RangeError(`row ${index + 1}: its ${KEY} is there twice`);
		byKey.set(key, row);
	}
	return [...byKey].sort(([a], [b]) => a - b).map(([, row]) => row);
}

function parseRecords(csv: string): string[][] {
	try {
		return parse(csv, { record_delimiter: '\n' });
	} catch (error) {
		if (!(error instanceof CsvError)) throw error;
		// The package's own words quote the value, which may be a password.
		// Its records are those before the error, the header among them.
		const { records = 0 } = error as CsvError & { readonly records?: number };
		const where = records === 0 ? 'its header' : `row ${records}`;
		throw new RangeError(`${where} is not the CSV that the original writes`);
	}
}
