import type { Column, StoredType } from '../model/row.ts';

/**
 * @returns the storage class that a column's declaration asks for, by SQLite's rules of affinity, which fit
 * MariaDB's types as well. (SQLite, "Datatypes in SQLite", 3.1; NUMERIC columns hold whole numbers or text here.)
 */
export function declaredStorage(column: Pick<Column, 'declared'>): Exclude<StoredType, 'mixed'> {
	const declared = column.declared.toUpperCase();
	if (/^(?:DATETIME|TIMESTAMP|DATE|TIME)\b/.test(declared)) return 'text';
	if (declared.includes('INT')) return 'integer';
	if (/CHAR|CLOB|TEXT|ENUM/.test(declared)) return 'text';
	if (/BLOB|BINARY/.test(declared)) return 'blob';
	if (/REAL|FLOA|DOUB|DECIMAL/.test(declared)) return 'real';
	if (/BOOL|NUMERIC/.test(declared)) return 'integer';
	return 'text';
}
