/** An id of another table in a column that has no foreign key on it. */
export interface SoftReference {
	readonly column: string;
	readonly toTable: string;
}

/** What the product knows of one replicated table. Its columns and keys it reads from the database. */
export interface CatalogTable {
	readonly name: string;
	/** What a person calls one row: `monitor`. */
	readonly noun: string;
	readonly plural: string;
	/** The column that names a row to a person; without one, rows are named by their key. */
	readonly titleColumn?: string;
	/** Columns that only a running Kuma writes: not in a snapshot, and a replica keeps its own. */
	readonly volatileColumns?: readonly string[];
	/** Columns that Kuma fills in when a person left them empty: its own filling of an empty one is no difference. */
	readonly derivedColumns?: readonly string[];
	/**
	 * Columns without which a row still works, only with less. A Kuma that lacks one gets the row without it, and
	 * the row is named; any other column that is missing holds the row back.
	 */
	readonly additiveColumns?: readonly string[];
	/**
	 * Columns that only rows of some types use, with those types. In any other row they hold what Kuma's form has left
	 * there, and a Kuma without the column loses nothing.
	 */
	readonly columnsOfTypes?: Readonly<Record<string, readonly string[]>>;
	/** Columns whose values may be shown to people. All others, unknown new ones too, are only named. */
	readonly shownColumns: readonly string[];
	/**
	 * The column that tells two rows with the same key apart, compared to the second: ids start at 1 on every
	 * instance, and another row with the same id must not inherit this one's history or local edits.
	 */
	readonly birthColumn?: string;
	/** Each instance may edit such a row for itself (RESTORE_LOCAL_ENTITY_REPLICATION). */
	readonly isLocalEntity?: boolean;
	/** The column that stops a row from running when it is 0; a row that must not run is applied with it at 0. */
	readonly activeColumn?: string;
	readonly softReferences?: readonly SoftReference[];
	/** Columns with the address of an uploaded file, such as `/upload/logo1.png`: that file travels with the row. */
	readonly uploadColumns?: readonly string[];
}
