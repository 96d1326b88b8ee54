import { type BackOff, randomBackOffMs } from '../timing/back-off.ts';
import { pause } from '../timing/pause.ts';

/** A connection that is over, or came to nothing. */
export interface EndedConnection<Reason> {
	readonly reason: Reason;
	/** Whether it was open for so long that the next failure is a first one. */
	readonly wasStable: boolean;
	/** How long to wait at least before the next one: milliseconds. */
	readonly waitMs?: number | undefined;
}

export interface StayConnectedOptions<Reason> {
	/** One connection, from its beginning to its end. It ends when `signal` is aborted, and never rejects. */
	readonly connect: () => Promise<EndedConnection<Reason>>;
	readonly onEnd: (
		reason: Reason,
		next: { readonly failureCount: number; readonly retryInMs: number },
	) => void;
	readonly backOff: BackOff;
	/** Aborting it ends everything; nothing is called any more. */
	readonly signal: AbortSignal;
	/** From 0 up to, and without, 1. */
	readonly random?: (() => number) | undefined;
}

/** Connects, and connects again after each end, with pauses that double, until it is told to stop. */
export async function stayConnected<Reason>(options: StayConnectedOptions<Reason>): Promise<void> {
	const { connect, onEnd, backOff, signal, random = Math.random } = options;
	let failureCount = 0;
	while (!signal.aborted) {
		const { reason, wasStable, waitMs = 0 } = await connect();
		if (signal.aborted) return;
		failureCount = wasStable ? 1 : failureCount + 1;
		const retryInMs = Math.max(randomBackOffMs(failureCount, { ...backOff, random }), waitMs);
		onEnd(reason, { failureCount, retryInMs });
		await pause(retryInMs, signal);
	}
}
