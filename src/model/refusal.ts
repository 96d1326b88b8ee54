/** A row that the database of this instance did not let pass when it was tried. */
export interface Refusal {
	readonly table: string;
	/** The key's values as text, joined by commas. */
	readonly key: string;
	/** What was refused. A row whose change is refused stays as it is; one that cannot be removed stays, too. */
	readonly verb: 'insert' | 'update' | 'delete';
	/** Not a value of it can be written, not even one that follows from what happens to another row. */
	readonly isUntouchable: boolean;
	/** The database's own words, without secrets. */
	readonly reason: string;
}

/** What this instance could not take of the snapshot that it holds, as far as it was tried. */
export interface Refusals {
	readonly rows: readonly Refusal[];
	/** Files that could not be written, path → why. */
	readonly files: ReadonlyMap<string, string>;
}

/**
 * Remembers what was refused for as long as the process lives, so that it is not tried again at every cycle: only when
 * one of these rows, or the rules of the database, are others, and otherwise ever more rarely. `now` is the time in
 * milliseconds since 1970.
 */
export interface RefusalMemory {
	/** What is known to be refused, whether it is time to try it again or not. */
	readonly known: Refusals;
	/**
	 * @param mark stands for the rows and the rules that the refusals hang on.
	 * @returns what need not be tried now.
	 */
	inForce(mark: string, now: number): Refusals;
	/** Replaces what is known. */
	remember(refusals: Refusals, mark: string, now: number): void;
	/** Lets everything be tried again with the next plan: a person asks. */
	tryAgain(): void;
	/** Says that a plan was just made, and whether something in it was set aside that may pass by itself. */
	notePlan(plan: { readonly mayPass: boolean }, now: number): void;
	/** Whether it is time to plan again although nothing new was published. */
	isTimeToLook(now: number): boolean;
}
