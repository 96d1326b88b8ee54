import type { ConfigRow } from '../../config/describe-config.ts';
import type { PublishedSnapshot } from '../../model/lineage.ts';
import type { PlanSummary } from '../../model/plan.ts';
import type { HeldRow } from '../../model/state.ts';
import type { ShownChange } from '../../plan/words/shown-changes.ts';
import type { MissingImage } from '../../snapshot/take.ts';
import type { Finding } from '../doctor/finding.ts';

/** What commands print with `--json`, where it is no status and no report of a cycle. */

/** Of `diff`. */
export interface Difference {
	/** What is compared, in words. */
	readonly title: string;
	readonly changes: readonly ShownChange[];
	readonly heldRows: readonly HeldRow[];
}

/** Of `snapshots`: one for each snapshot, the newest first. */
export interface ListedSnapshot extends PublishedSnapshot {
	readonly isHead: boolean;
	readonly kumaVersion: string | null;
	/** What it changed against its parent, in words; null when the parent is gone. */
	readonly changes: string | null;
}

/** Of `export`. */
export interface ExportEnd {
	readonly directory: string;
	readonly format: 'csv' | 'sql' | 'json';
	readonly digest: string;
	readonly tables: number;
	readonly rows: number;
	readonly files: number;
	/** Images of status pages that could not be read, and are not in it. */
	readonly missingImages: readonly MissingImage[];
}

/** Of `import`. */
export interface ImportEnd extends PlanSummary {
	readonly outcome: 'planned' | 'applied' | 'unchanged' | 'held';
	/** How many rows and settings it changes. */
	readonly changes: number;
	/** The changes in words. */
	readonly details: readonly string[];
	readonly heldRows: readonly HeldRow[];
}

/** Of `doctor`. */
export interface Diagnosis {
	/** Null where the configuration cannot be used. */
	readonly configuration: readonly ConfigRow[] | null;
	readonly findings: readonly Finding[];
}
