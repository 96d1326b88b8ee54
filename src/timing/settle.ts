export interface Settling {
	/** Something changed. */
	note(): void;
	/** Forgets what was noted. */
	cancel(): void;
}

/**
 * Waits until a burst of changes is over: calls `onSettled` once, `quietMs` after the last of them, and `longestMs`
 * after the first at the latest, for somebody may edit without a pause.
 */
export function settle(options: {
	readonly quietMs: number;
	readonly longestMs: number;
	readonly onSettled: () => void;
}): Settling {
	let quiet: NodeJS.Timeout | undefined;
	let longest: NodeJS.Timeout | undefined;
	const cancel = () => {
		clearTimeout(quiet);
		clearTimeout(longest);
		longest = undefined;
	};
	const end = () => {
		cancel();
		options.onSettled();
	};
	return {
		note: () => {
			clearTimeout(quiet);
			quiet = setTimeout(end, options.quietMs);
			longest ??= setTimeout(end, options.longestMs);
		},
		cancel,
	};
}
