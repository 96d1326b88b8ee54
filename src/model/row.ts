/**
 * A value as a database stores it. Text is exact to the byte, NUL included. Integers beyond 2^53 are bigint;
 * every smaller integer, and every real, is a number. Which of the two a number is, its column says.
 */
export type Value = null | string | number | bigint | Uint8Array;

/** One row, its values in the order of the columns that it stands beside. */
export type Row = readonly Value[];

/** A primary key's values, in the order of the table's key columns. */
export type Key = readonly Value[];

/** How the stored values of a column are written in a snapshot. */
export type StoredType =
	| 'integer'
	| 'real'
	| 'text'
	| 'blob'
	/** Values of several storage classes (SQLite allows it): each is written as a JSON literal. */
	| 'mixed';

export type DatabaseKind = 'sqlite' | 'mariadb';

/** A column as its database declares it. */
export interface Column {
	readonly name: string;
	/** The declared type, verbatim: `VARCHAR(255)`, `int(10) unsigned`, `enum('1','2c','3')`. */
	readonly declared: string;
	readonly isNullable: boolean;
	/** The default as a stored value; absent when there is none or when it is an expression (`DATETIME('now')`). */
	readonly defaultValue?: Value;
	/** MariaDB's character set of a text column (`utf8mb3` cannot hold an emoji). */
	readonly charset?: string;
	/** The only values that an ENUM, or a CHECK of the form "column in (…)", lets in. */
	readonly allowedValues?: readonly string[];
}

/** All rows of one table, as found or as wanted. Rows are ordered by key. */
export interface TableRows {
	readonly name: string;
	readonly columns: readonly Column[];
	/** Names of the key columns. */
	readonly key: readonly string[];
	readonly rows: readonly Row[];
}

/** What a foreign key does to the rows that refer to a deleted one. */
export type DeleteAction = 'cascade' | 'set-null' | 'restrict';

/** A foreign key. The columns of both sides belong together pair by pair; Kuma's own have one each. */
export interface Reference {
	readonly columns: readonly string[];
	readonly toTable: string;
	readonly toColumns: readonly string[];
	readonly onDelete: DeleteAction;
}

export interface UniqueKey {
	readonly columns: readonly string[];
	/** MariaDB's *_ci collations and SQLite's NOCASE take `A` for `a`. */
	readonly ignoresCase: boolean;
	/** It covers only the rows that meet a condition, which nobody here can evaluate. */
	readonly isPartial?: boolean;
}

export interface TableSchema {
	readonly name: string;
	readonly columns: readonly Column[];
	readonly primaryKey: readonly string[];
	readonly uniqueKeys: readonly UniqueKey[];
	readonly references: readonly Reference[];
	/** Columns that the database computes, and that nobody can write. They are not among `columns`. */
	readonly generatedColumns?: readonly string[];
	/** Columns that get a value in a new row although they have no literal default: by an expression, or counted up. */
	readonly computedDefaults?: readonly string[];
	/** Whether anything runs when rows are written or deleted. */
	readonly hasTriggers?: boolean;
}

export interface DatabaseSchema {
	readonly kind: DatabaseKind;
	readonly tables: ReadonlyMap<string, TableSchema>;
}
