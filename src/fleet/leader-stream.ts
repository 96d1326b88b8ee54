import { createParser, type EventSourceParser } from 'eventsource-parser';
import type * as z from 'zod';
import type { Log } from '../model/log.ts';
import { isReplicatorError, type ReplicatorError } from '../model/replicator-error.ts';
import { createLineReader } from '../wire/line-reader.ts';
import { stayConnected } from '../wire/stay-connected.ts';
import { type LeaderAddress, reasonOf, requestLeader, unreachable } from './leader-request.ts';
import { type SnapshotHint, snapshotHint, type Withdrawal, withdrawal } from './snapshot-hint.ts';

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
	/** The leader stands by no snapshot. Also at each connect. */
	readonly onWithdrawn?: (withdrawal: Withdrawal) => void;
	/** Called once when the leader cannot be heard any more, or from the start, and not again until it is back. */
	readonly onLeaderLost?: (reason: string) => void;
	/** Called when the leader is heard again after it was lost. */
	readonly onLeaderBack?: () => void;
	readonly limits?: Partial<LeaderStreamLimits>;
	/** From 0 up to, and without, 1: pauses differ from replica to replica. */
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

	#run(): Promise<void> {
		const { retryFirstMs: firstMs, retryMaxMs: maxMs, stableMs } = this.#limits;
		return stayConnected({
			connect: async () => {
				const reason = await this.#follow();
				const wasStable = this.#connectedAt !== null && performance.now() - this.#connectedAt >= stableMs;
				this.#connectedAt = null;
				return { reason, wasStable };
			},
			onEnd: (reason) => this.#lose(reason),
			backOff: { firstMs, maxMs },
			signal: this.#stop.signal,
			random: this.#options.random,
		});
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
				return 'that address does not serve events; is it the leader?';
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
		const reader = createLineReader({
			bytesMax: EVENT_LENGTH_MAX,
			onLine: (line) => parser.feed(`${line}\n`),
			tooLong: 'stop',
			onTooLong: () => {
				throw endless();
			},
		});
		let windowStart = performance.now();
		let windowBytes = 0;
		for await (const chunk of body) {
			if (performance.now() - windowStart > this.#limits.silenceMs) {
				windowStart = performance.now();
				windowBytes = 0;
			}
			windowBytes += chunk.length;
			if (windowBytes > FLOOD_BYTES_MAX) throw unreachable('it floods this instance');
			reader.read(chunk);
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
				if (data === last || this.#stop.signal.aborted) return;
				const tell = TELLERS.get(event ?? '');
				// A newer leader may tell more than is known here.
				if (tell === undefined) return;
				last = data;
				if (!tell(this.#options, data))
					this.#options.log.debug('The leader sent an event that is not understood');
			},
			onError: (error) => {
				if (error.type === 'max-buffer-size-exceeded') throw endless();
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
}

function endless(): ReplicatorError {
	return unreachable('it sends an endless event');
}

type Teller = (options: LeaderStreamOptions, data: string) => boolean;

/** Event → passes its data on, and says whether that was understood. */
const TELLERS: ReadonlyMap<string, Teller> = new Map<string, Teller>([
	['snapshot', ({ onSnapshot }, data) => pass(snapshotHint, data, onSnapshot)],
	['withdrawn', ({ onWithdrawn }, data) => pass(withdrawal, data, (told) => onWithdrawn?.(told))],
]);

function pass<Told>(schema: z.ZodType<Told>, data: string, tell: (told: Told) => void): boolean {
	const told = schema.safeParse(parseJson(data));
	if (told.success) tell(told.data);
	return told.success;
}

function parseJson(data: string): unknown {
	try {
		return JSON.parse(data);
	} catch {
		// Whatever it is, it tells nothing; the poll finds what there is.
		return null;
	}
}
