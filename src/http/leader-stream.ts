import { setTimeout as delay } from 'node:timers/promises';
import { createParser, type EventSourceParser } from 'eventsource-parser';
import type { Log } from '../model/log.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import { type LeaderAddress, reasonOf, requestLeader, unreachable } from './leader-request.ts';
import { type SnapshotHint, snapshotHint } from './snapshot-hint.ts';

/** Milliseconds and bytes. */
export interface LeaderStreamLimits {
	/** From the beginning of an attempt to the first sign of life. */
	readonly connectMs: number;
	/** Without a sign of life for so long, the leader is gone. It gives one every 10 s. */
	readonly silenceMs: number;
	/** The first pause before another attempt; it doubles up to `retryMaxMs`. */
	readonly retryFirstMs: number;
	readonly retryMaxMs: number;
	/** A connection that lasted for so long was a good one: what comes then is a first failure again. */
	readonly stableMs: number;
}

const LIMITS: LeaderStreamLimits = {
	connectMs: 10_000,
	silenceMs: 25_000,
	retryFirstMs: 500,
	retryMaxMs: 30_000,
	stableMs: 30_000,
};
/** An event has some 200. */
const EVENT_LENGTH_MAX = 16 * 1024;
/** No leader says so much within the time that silence takes. */
const FLOOD_BYTES_MAX = 256 * 1024;

export interface LeaderStreamOptions extends LeaderAddress {
	readonly log: Log;
	/** The leader has a snapshot, new or not: a hint, and nothing to be trusted. Also at each connect. */
	readonly onSnapshot: (hint: SnapshotHint) => void;
	/** Called once when the leader cannot be heard any more, or from the start, and not again until it is back. */
	readonly onLeaderLost?: (reason: string) => void;
	/** Called when the leader is heard again after it was lost. */
	readonly onLeaderBack?: () => void;
	readonly limits?: Partial<LeaderStreamLimits>;
	/** @returns a number from 0 up to 1, for pauses that differ from replica to replica. */
	readonly random?: () => number;
}

/** A replica's connection to the events of its leader. It is made again, until it is stopped. */
export class LeaderStream {
	readonly #options: LeaderStreamOptions;
	readonly #limits: LeaderStreamLimits;
	readonly #stop = new AbortController();
	#running: Promise<void> = Promise.resolve();
	#connectedAt: number | null = null;
	#lostReason: string | null = null;

	constructor(options: LeaderStreamOptions) {
		this.#options = options;
		this.#limits = { ...LIMITS, ...options.limits };
	}

	/** Whether the leader is heard at the moment. */
	get isConnected(): boolean {
		return this.#connectedAt !== null;
	}

	/** Why the leader cannot be heard, or could not be heard last, until it is back. */
	get lostReason(): string | null {
		return this.#lostReason;
	}

	start(): void {
		this.#running = this.#run();
	}

	/** Ends the connection. Nothing is called any more. */
	async stop(): Promise<void> {
		this.#stop.abort();
		await this.#running;
	}

	async #run(): Promise<void> {
		const { signal } = this.#stop;
		let failureCount = 0;
		while (!signal.aborted) {
			const reason = await this.#follow();
			const wasStable =
				this.#connectedAt !== null && performance.now() - this.#connectedAt >= this.#limits.stableMs;
			this.#connectedAt = null;
			if (signal.aborted) return;
			this.#lose(reason);
			failureCount = wasStable ? 1 : failureCount + 1;
			await delay(this.#pauseMs(failureCount), undefined, { signal }).catch(() => undefined);
		}
	}

	/** Listens until the connection ends. @returns why it did. */
	async #follow(): Promise<string> {
		const { connectMs, silenceMs } = this.#limits;
		const silent = new AbortController();
		const signal = AbortSignal.any([this.#stop.signal, silent.signal]);
		const giveUp = () => silent.abort();
		let watch = setTimeout(giveUp, connectMs);
		const parser = this.#createParser(() => {
			clearTimeout(watch);
			watch = setTimeout(giveUp, silenceMs);
			this.#find();
		});
		try {
			const path = '/api/events';
			const { headers, body } = await requestLeader(this.#options, {
				path,
				accept: 'text/event-stream',
				signal,
			});
			if (!/^text\/event-stream\b/i.test(headers['content-type'] ?? '')) {
				body.destroy();
				return 'it does not speak of events: something else answers there';
			}
			await this.#read(body, parser);
			return 'it ended the connection';
		} catch (error) {
			if (silent.signal.aborted) return 'it is silent';
			return isReplicatorError(error) ? [error.message, error.hint].join(' ') : reasonOf(error);
		} finally {
			clearTimeout(watch);
		}
	}

	/** Reads to the end. @throws ReplicatorError when the stream is more than any leader's. */
	async #read(body: AsyncIterable<Buffer>, parser: EventSourceParser): Promise<void> {
		const decoder = new TextDecoder();
		let windowStart = performance.now();
		let windowBytes = 0;
		for await (const chunk of body) {
			if (performance.now() - windowStart > this.#limits.silenceMs) {
				windowStart = performance.now();
				windowBytes = 0;
			}
			windowBytes += chunk.length;
			if (windowBytes > FLOOD_BYTES_MAX) throw unreachable('it floods this instance');
			parser.feed(decoder.decode(chunk, { stream: true }));
		}
	}

	/** Bytes alone are no sign of life: only a whole comment or event is. */
	#createParser(onAlive: () => void): EventSourceParser {
		let last: string | null = null;
		return createParser({
			maxBufferSize: EVENT_LENGTH_MAX,
			onComment: onAlive,
			onEvent: ({ event, data }) => {
				onAlive();
				if (event !== 'snapshot' || data === last || this.#stop.signal.aborted) return;
				last = data;
				const hint = parseHint(data);
				if (hint === null) this.#options.log.debug('The leader sent an event that is not understood');
				else this.#options.onSnapshot(hint);
			},
			onError: (error) => {
				if (error.type === 'max-buffer-size-exceeded') throw unreachable('it sends an endless event');
			},
		});
	}

	#find(): void {
		if (this.#connectedAt !== null || this.#stop.signal.aborted) return;
		this.#connectedAt = performance.now();
		this.#options.log.info('Connected to the leader', { leader: this.#options.url });
		const wasLost = this.#lostReason !== null;
		this.#lostReason = null;
		if (wasLost) this.#options.onLeaderBack?.();
	}

	#lose(reason: string): void {
		const { log, url, onLeaderLost } = this.#options;
		// Told again when it is another trouble: first it was down, then it refuses the token.
		if (reason !== this.#lostReason)
			log.warning('No connection to the leader; the repository is looked at as ever', {
				leader: url,
				reason,
			});
		const isNews = this.#lostReason === null;
		this.#lostReason = reason;
		if (isNews) onLeaderLost?.(reason);
	}

	/** Half of it is luck: the replicas of a leader that was restarted must not come back all at once. */
	#pauseMs(failureCount: number): number {
		const { retryFirstMs, retryMaxMs } = this.#limits;
		const { random = Math.random } = this.#options;
		return Math.min(retryFirstMs * 2 ** (failureCount - 1), retryMaxMs) * (0.5 + random() / 2);
	}
}

function parseHint(data: string): SnapshotHint | null {
	try {
		return snapshotHint.parse(JSON.parse(data));
	} catch {
		// Whatever it is, it is no hint; the poll finds what there is.
		return null;
	}
}
