import type { Column, Key, Row, Value } from './row.ts';
import type { SnapshotFile } from './snapshot.ts';
import type { HeldRow, Remark } from './state.ts';

/** One thing to do, in the order in which it must be done. All of them happen in one transaction. */
export type Step =
	| {
			readonly kind: 'delete';
			readonly table: string;
			readonly keyColumns: readonly string[];
			readonly keys: readonly Key[];
	  }
	| {
			readonly kind: 'insert';
			readonly table: string;
			readonly keyColumns: readonly string[];
			readonly columns: readonly Column[];
			readonly rows: readonly Row[];
	  }
	| {
			readonly kind: 'update';
			readonly table: string;
			readonly keyColumns: readonly string[];
			readonly key: Key;
			readonly columns: readonly Column[];
			readonly values: Row;
	  }
	/** Deletes what other tables have of monitors whose ids these monitors take over; there may be nothing. */
	| {
			readonly kind: 'forget';
			readonly monitor: 'added' | 'replaced';
			readonly table: string;
			readonly keyColumns: readonly string[];
			readonly keys: readonly Key[];
	  };

/** A table outside of the catalog that holds what Kuma has seen of its monitors. */
export interface HistoryTable {
	readonly table: string;
	/** Holds the monitor's id. */
	readonly column: string;
	/** Its rows go by themselves with the monitor's row. */
	readonly isCascaded: boolean;
}

export interface ColumnChange {
	readonly column: string;
	readonly before: Value;
	readonly after: Value;
}

/** What happens to one row, as a person sees it. */
export interface RowChange {
	readonly table: string;
	readonly key: Key;
	readonly title: string;
	/** `replaced`: another row with the same key takes its place, and nothing of the old one stays. */
	readonly kind: 'added' | 'changed' | 'removed' | 'replaced';
	/** The columns of a changed row; empty for the others. */
	readonly columns: readonly ColumnChange[];
}

/** A local setting that hangs on what is replicated. */
export interface SettingChange {
	readonly name: string;
	readonly before: string | null;
	/** JSON text, as Kuma stores settings. */
	readonly after: string;
}

/** What must happen so that a database, and its uploaded files, equal a snapshot. */
export interface Plan {
	readonly changes: readonly RowChange[];
	readonly settings: readonly SettingChange[];
	readonly files: { readonly writes: readonly SnapshotFile[]; readonly deletes: readonly string[] };
	/** What cannot be applied as it is. Not part of what makes a plan non-empty. */
	readonly heldRows: readonly HeldRow[];
	/** Some of that hangs on this instance alone, so that it may pass without a new snapshot. */
	readonly mayPass: boolean;
	/** What is different on purpose, or needs a local setting. No part of it either. */
	readonly remarks: readonly Remark[];
	readonly steps: readonly Step[];
	/** Monitors whose rows go away, with their history. */
	readonly removedMonitors: readonly Key[];
	readonly history: {
		readonly tables: readonly HistoryTable[];
		/** Nothing could refuse to let a part of it go, so that it can go in parts. */
		readonly isSliceable: boolean;
	};
	/** Monitors whose own rows stay, while their tags, or their links to notifications and maintenances, change. */
	readonly touchedMonitors: { readonly retagged: readonly Key[]; readonly relinked: readonly Key[] };
	/** The leader's zone, in which its maintenances "as on the server" are meant. */
	readonly timezone: string;
	/** How many monitors and users the database had when the plan was made. */
	readonly before: { readonly monitors: number; readonly users: number };
	readonly isEmpty: boolean;
}

/** Numbers for logs and reports. */
export interface PlanSummary {
	readonly added: number;
	readonly changed: number;
	readonly removed: number;
	readonly held: number;
	readonly files: number;
	readonly settings: number;
}
