import * as z from 'zod';
import type { Log } from '../model/log.ts';
import type { BackOff } from '../timing/back-off.ts';
import { pause } from '../timing/pause.ts';
import { connectionTrouble } from '../wire/connection-trouble.ts';
import { createLineReader } from '../wire/line-reader.ts';
import { type Addressee, requestAddress } from '../wire/request-address.ts';
import { retryAfterMs } from '../wire/retry-after.ts';
import { type Answer, isSuccess, sendRequest } from '../wire/send-request.ts';
import { stayConnected } from '../wire/stay-connected.ts';
import { ntfyHint, type TopicVariable } from './ntfy-hint.ts';
import { nudgeMark } from './nudge-mark.ts';

export interface NtfySubscriptionOptions {
	readonly topic: Addressee;
	readonly variable: TopicVariable;
	readonly fleet: string;
	/** A nudge arrived, or one may have been missed. A hostile topic calls it as often as it likes. */
	readonly onNudge: () => void;
	readonly log: Log;
	/** Aborting it ends the subscription. */
	readonly signal: AbortSignal;
	/** How often the server says that the connection lives. */
	readonly keepAliveMs?: number;
	/** Waiting before a new connection: doubles from `firstMs` to `maxMs`, and at least half of it is waited. */
	readonly backOff?: BackOff;
	/** From 0 up to, and without, 1. */
	readonly random?: () => number;
}

export interface NtfySubscription {
	/** Whether nudges would arrive now. */
	readonly isOpen: boolean;
	/** Resolves when it has ended; never rejects. */
	readonly finished: Promise<void>;
}

/** ntfy's own default; the server may be set to another. */
const KEEP_ALIVE_MS = 45_000;
/** A connection that is silent for so many of these periods is dead, whatever the system thinks of it. */
const SILENT_PERIODS_MAX = 2.5;
/** How long a server may take until its first event. */
const OPEN_TIMEOUT_MS = 30_000;
const BACK_OFF = { firstMs: 1_000, maxMs: 120_000 } as const;
/** A stream that was open for so long was healthy: what comes then is a first failure again. */
const HEALTHY_MS = 60_000;
/** ntfy's messages have 4,096 bytes, which JSON may escape. Longer lines are no notices of ours. */
const LINE_BYTES_MAX = 64 * 1024;
/** After so many bytes nothing is read for a moment: a flood must wait in the server, and not cost time here. */
const BYTES_AT_ONCE_MAX = 64 * 1024;
const FLOOD_PAUSE_MS = 1_000;

const ntfyEvent = z.object({
	event: z.string(),
	id: z
		.string()
		.regex(/^[\w-]{1,64}$/)
		.optional()
		.catch(undefined),
	time: z.number().int().positive().optional().catch(undefined),
	tags: z.array(z.string()).optional().catch(undefined),
});

/** Why a connection ended, or was none. */
interface End {
	readonly reason: string;
	readonly hint: string;
	/** What the server asked for. */
	readonly waitMs?: number;
}

class SilenceError extends Error {}

/**
 * Follows an ntfy topic and nudges on messages that have the fleet's mark. Messages are hints: nothing in them is used.
 * After a break it asks for what came since the last message; a first connection, which knows of none, is a nudge.
 * Whatever the server does, it goes on trying.
 */
export function subscribeToNtfy(options: NtfySubscriptionOptions): NtfySubscription {
	const { onNudge, log, signal, variable } = options;
	const { keepAliveMs = KEEP_ALIVE_MS } = options;
	const mark = nudgeMark(options.fleet);
	const address = requestAddress(options.topic);
	const silentMsMax = keepAliveMs * SILENT_PERIODS_MAX;
	const openMsMax = Math.min(OPEN_TIMEOUT_MS, silentMsMax);
	/** The last message, or the server's time when there was none yet. */
	let since: string | null = null;
	let openSinceMs: number | null = null;
	let toldReason: string | null = null;

	return {
		get isOpen() {
			return openSinceMs !== null;
		},
		finished: run(),
	};

	function run(): Promise<void> {
		return stayConnected({
			connect: async () => {
				const end = await follow();
				const wasStable = openSinceMs !== null && performance.now() - openSinceMs >= HEALTHY_MS;
				openSinceMs = null;
				return { reason: end, wasStable, waitMs: end.waitMs };
			},
			onEnd: tell,
			backOff: options.backOff ?? BACK_OFF,
			signal,
			random: options.random,
		});
	}

	/** One connection, from its request to its end. */
	async function follow(): Promise<End> {
		const silence = new AbortController();
		const ending = AbortSignal.any([signal, silence.signal]);
		const watchdog = { timer: setTimeout(() => silence.abort(new SilenceError()), openMsMax) };
		const reader = createLineReader({
			bytesMax: LINE_BYTES_MAX,
			// What comes after it must be heard.
			tooLong: 'skip',
			onLine: (line) => {
				if (!takeLine(line)) return;
				clearTimeout(watchdog.timer);
				watchdog.timer = setTimeout(() => silence.abort(new SilenceError()), silentMsMax);
			},
		});
		try {
			const answer = await sendRequest(streamUrl(), { headers: address.headers, signal: ending });
			if (!isSuccess(answer)) return refusal(answer);
			let bytes = 0;
			for await (const chunk of answer.body as AsyncIterable<Buffer>) {
				reader.read(chunk);
				bytes += chunk.length;
				if (bytes < BYTES_AT_ONCE_MAX) continue;
				bytes = 0;
				await pause(FLOOD_PAUSE_MS, signal);
			}
			return {
				reason: 'ended the connection',
				hint: 'Look at the log of the server, or of a proxy in front of it.',
			};
		} catch (error) {
			return silence.signal.aborted
				? {
						reason: 'is silent',
						hint: 'If it stays so, a proxy in front of the server may hold its messages back.',
					}
				: {
						reason: connectionTrouble(error, openMsMax),
						hint: `Check the server in ${variable}, and that this machine can reach it.`,
					};
		} finally {
			clearTimeout(watchdog.timer);
		}
	}

	function streamUrl(): URL {
		const url = new URL(address.url);
		url.pathname += '/json';
		// A server that knows filters keeps everything else to itself.
		url.searchParams.set('tags', mark);
		if (since !== null) url.searchParams.set('since', since);
		return url;
	}

	function refusal({ status, headers, body }: Answer): End {
		body.destroy();
		// It may be the marker that the server does not like.
		if (status === 400) since = null;
		const waitMs = retryAfterMs(headers['retry-after'] ?? null);
		const reason = `answered with HTTP status ${status}`;
		return { reason, hint: ntfyHint(status, variable), ...(waitMs === null ? {} : { waitMs }) };
	}

	/** @returns whether the line is an event of ntfy. */
	function takeLine(line: string): boolean {
		const event = parseEvent(line);
		if (event === null) return false;
		if (openSinceMs === null) openSinceMs = performance.now();
		else tellAgain();
		if (since === null) {
			// What was published before this moment was not heard.
			onNudge();
			since = event.time === undefined ? null : String(event.time);
		}
		if (event.event !== 'message') return true;
		since = event.id ?? since;
		if (event.tags?.includes(mark)) onNudge();
		return true;
	}

	/** A stream that goes on after its beginning is well. */
	function tellAgain(): void {
		if (toldReason !== null) log.info('Nudges arrive through ntfy again', { place: address.place });
		toldReason = null;
	}

	/** A first failure is nothing to speak of: servers and proxies end connections now and then. */
	function tell({ reason, hint }: End, next: { failureCount: number; retryInMs: number }): void {
		const isNews = next.failureCount > 1 && reason !== toldReason;
		if (isNews) toldReason = reason;
		log[isNews ? 'warning' : 'debug']('No nudges through ntfy; changes are found by polling', {
			reason: `${address.place} ${reason}`,
			hint,
			retryInMs: Math.round(next.retryInMs),
		});
	}
}

function parseEvent(line: string): z.infer<typeof ntfyEvent> | null {
	try {
		return ntfyEvent.safeParse(JSON.parse(line)).data ?? null;
	} catch (error) {
		if (error instanceof SyntaxError) return null;
		throw error;
	}
}
