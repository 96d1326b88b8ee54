export type Unit = 'ms' | 's' | 'MB' | 's/h' | 'requests/h' | 'beats' | '×';

/** One measured number, beside what the strategy `restart` comes to in the same run. */
export interface Figure {
	readonly section: string;
	readonly name: string;
	readonly unit: Unit;
	/** null where only the other strategy has it. */
	readonly ours: number | null;
	/** null where there is nothing to compare. */
	readonly restart: number | null;
	/** How it was come by, where that is not plain. */
	readonly note?: string;
}
