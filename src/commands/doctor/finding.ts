export type Verdict = 'ok' | 'warning' | 'problem';

/** What one check of `doctor` came to. */
export interface Finding {
	readonly check: string;
	readonly verdict: Verdict;
	readonly message: string;
	/** What to do about it. */
	readonly hint: string | null;
}

/** @returns the finding that there is nothing to do. */
export function ok(check: string, message: string): Finding {
	return { check, verdict: 'ok', message, hint: null };
}
