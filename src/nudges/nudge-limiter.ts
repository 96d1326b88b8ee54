export interface NudgeLimiter {
	/** Somebody says that there may be something new. */
	nudge(): void;
	/** Forgets what was said, and calls nobody any more. */
	cancel(): void;
}

const JITTER_MS = 300;
const SPACING_MS = 2_000;

/**
 * Makes a flood of nudges harmless: `onNudge` is called at most once in `spacingMs`, however many there are. The first
 * is passed on after a random part of `jitterMs`, so that a fleet does not look into the repository at one and the same
 * moment. Those that follow become one call, as soon as it may be made. After the last nudge there is always a call.
 */
export function limitNudges(options: {
	readonly onNudge: () => void;
	readonly jitterMs?: number;
	readonly spacingMs?: number;
	/** From 0 up to, and without, 1. */
	readonly random?: () => number;
}): NudgeLimiter {
	const { onNudge, jitterMs = JITTER_MS, spacingMs = SPACING_MS, random = Math.random } = options;
	let state: 'idle' | 'called-for' | 'resting' | 'resting-and-called-for' = 'idle';
	let timer: NodeJS.Timeout | undefined;

	const pass = () => {
		state = 'resting';
		timer = setTimeout(endRest, spacingMs);
		onNudge();
	};
	const endRest = () => {
		if (state === 'resting-and-called-for') pass();
		else state = 'idle';
	};
	return {
		nudge() {
			if (state === 'resting') state = 'resting-and-called-for';
			if (state !== 'idle') return;
			state = 'called-for';
			timer = setTimeout(pass, random() * jitterMs);
		},
		cancel() {
			clearTimeout(timer);
			// Whoever nudges after the end is not heard.
			state = 'called-for';
		},
	};
}
