/** A monitor that beats by itself, as Kuma's table has it. */
export interface BeatingMonitor {
	readonly id: number;
	readonly intervalSeconds: number;
	/** The interval while a failure is tried again; 0: the same. */
	readonly retryIntervalSeconds: number;
	readonly timeoutSeconds: number;
}

/** How Kuma's monitors beat. */
export interface BeatReport {
	/** How many are active and beat by themselves: push monitors and groups do not count. */
	readonly monitors: number;
	/** How many of them have not beaten for two of their intervals. */
	readonly overdue: number;
	/** Since the last beat of any of them; null: none was seen. */
	readonly sinceBeatMs: number | null;
	/** None of them beats that should: Kuma is blind. */
	readonly isMissing: boolean;
	/** How long after this it may take until half of them must be overdue; 0 where none should beat. */
	readonly patienceMs: number;
	/** What Kuma failed with since the last beat, in words without secrets; null: nothing that was seen. */
	readonly lastError: string | null;
}

export const NO_BEATS_YET: BeatReport = {
	monitors: 0,
	overdue: 0,
	sinceBeatMs: null,
	isMissing: false,
	patienceMs: 0,
	lastError: null,
};

/** Types that beat when they are asked to, or when others do. */
const SILENT_TYPES: readonly unknown[] = ['push', 'group'];

/** @returns whether a monitor of that type checks something at its interval, so that beats that stay out mean something. */
export function beatsByItself(type: unknown): boolean {
	return !SILENT_TYPES.includes(type);
}

/** How often {@link BeatWatch.judge} is called. */
export const BEAT_TICK_MS = 10_000;
/** A process that was not there for so long has been suspended, or was busy with something else. */
const FROZEN_MS = 3 * BEAT_TICK_MS;
/** Kuma starts its monitors one after the other, with a pause of up to a second. */
const START_MS_PER_MONITOR = 1_000;
/** For the notifications that a beat waits for, and for a busy machine. */
const SLACK_MS = 10_000;
const INTERVAL_SECONDS_MAX = 30 * 86_400;

/**
 * Finds out whether a Kuma has stopped beating as a whole. That a monitor is slow, or stuck, is no reason: at least half
 * of all must be overdue by two of their own intervals, and none may have beaten meanwhile. It is over when one that was
 * overdue beats again. Pure: time comes from a clock that only goes forward, and time in which nobody looked does not
 * count, for then nobody may have beaten either.
 */
export class BeatWatch {
	/** When each one beat last, and since when it is expected to, at the earliest. */
	readonly #beatenAt = new Map<number, number>();
	readonly #expectedAt = new Map<number, number>();
	#lastBeatAt: number | null = null;
	#judgedAt: number | null = null;
	#frozenMs = 0;
	/** The monitors whose silence is the trouble. */
	#missing: ReadonlySet<number> = new Set();

	get isMissing(): boolean {
		return this.#missing.size > 0;
	}

	/** A monitor that beats by itself has beaten. */
	note(id: number, now: number): void {
		const at = now - this.#frozenMs;
		this.#beatenAt.set(id, at);
		this.#lastBeatAt = at;
	}

	/** @param monitors all that should beat. */
	judge(monitors: readonly BeatingMonitor[], now: number): Omit<BeatReport, 'lastError'> {
		const at = this.#passTime(now);
		this.#expect(monitors, at);
		const overdue = monitors.filter((monitor) => this.#isOverdue(monitor, at));
		const ids = new Set(overdue.map(({ id }) => id));
		const sinceBeatMs = this.#lastBeatAt === null ? null : Math.max(0, at - this.#lastBeatAt);
		if (this.isMissing) {
			const present = [...this.#missing].filter((id) => this.#expectedAt.has(id));
			const isOver = present.length === 0 || present.some((id) => !ids.has(id));
			if (isOver) this.#missing = new Set();
		} else if (overdue.length > 0 && overdue.length * 2 >= monitors.length) {
			const patienceMs = Math.min(...overdue.map(patienceMsOf));
			if (sinceBeatMs === null || sinceBeatMs > patienceMs) this.#missing = ids;
		}
		return {
			monitors: monitors.length,
			overdue: overdue.length,
			sinceBeatMs,
			isMissing: this.isMissing,
			patienceMs: patienceMsOfHalf(monitors),
		};
	}

	#passTime(now: number): number {
		const goneMs = this.#judgedAt === null ? 0 : now - this.#judgedAt;
		if (goneMs > FROZEN_MS) this.#frozenMs += goneMs - BEAT_TICK_MS;
		this.#judgedAt = now;
		return now - this.#frozenMs;
	}

	#expect(monitors: readonly BeatingMonitor[], at: number): void {
		// Those that are there at first may be about to be started one by one.
		const delayMs = this.#expectedAt.size === 0 ? monitors.length * START_MS_PER_MONITOR : 0;
		const present = new Set(monitors.map(({ id }) => id));
		for (const id of present) if (!this.#expectedAt.has(id)) this.#expectedAt.set(id, at + delayMs);
		for (const known of [this.#expectedAt, this.#beatenAt])
			for (const id of known.keys()) if (!present.has(id)) known.delete(id);
	}

	#isOverdue(monitor: BeatingMonitor, at: number): boolean {
		const beatenAt = this.#beatenAt.get(monitor.id) ?? Number.NEGATIVE_INFINITY;
		const expectedAt = this.#expectedAt.get(monitor.id) ?? at;
		// One that has beaten has been started, however long the others take.
		const since = beatenAt > Number.NEGATIVE_INFINITY ? beatenAt : expectedAt;
		return at - since > patienceMsOf(monitor);
	}
}

function patienceMsOf({ intervalSeconds, retryIntervalSeconds, timeoutSeconds }: BeatingMonitor): number {
	const interval = clamp(intervalSeconds, 1);
	const longest = Math.max(interval, clamp(retryIntervalSeconds, 0));
	// Kuma sets a timeout of 0 to something beyond all measure; it means most of an interval.
	const timeout = Math.min(clamp(timeoutSeconds, 0), interval);
	return (2 * longest + timeout) * 1_000 + SLACK_MS;
}

/** @returns how long it takes at most until half of all are overdue. */
function patienceMsOfHalf(monitors: readonly BeatingMonitor[]): number {
	const each = monitors.map(patienceMsOf).sort((one, other) => one - other);
	return each[Math.ceil(each.length / 2) - 1] ?? 0;
}

function clamp(seconds: number, min: number): number {
	return Number.isFinite(seconds) ? Math.min(Math.max(seconds, min), INTERVAL_SECONDS_MAX) : min;
}
