import type { Log } from '../model/log.ts';
import { requestAddress } from '../wire/request-address.ts';
import { createDelivery } from './create-delivery.ts';
import { cutToBytes } from './ntfy-text.ts';

/**
 * Tells whoever watches replication that it lives, or not. Never rejects, and nothing has to wait for it: of what is
 * told while a call is under way only the last is told after it.
 */
export interface Heartbeat {
	succeed(cycle: { readonly durationMs: number }): Promise<void>;
	fail(message: string): Promise<void>;
}

export interface HeartbeatOptions {
	/** Of a push monitor of Uptime Kuma, or of anything that is called as a check of healthchecks is. */
	readonly url: string;
	readonly log: Log;
	/** Hides secrets in what is sent. */
	readonly mask?: (text: string) => string;
	/** How long one attempt may take. */
	readonly timeoutMs?: number;
	readonly retryDelayMs?: number;
}

type Beat =
	| { readonly isGood: true; readonly durationMs: number }
	| { readonly isGood: false; readonly message: string };

interface BeatRequest {
	readonly url: URL;
	readonly method?: 'POST';
	readonly body?: string;
}

const TIMEOUT_MS = 10_000;
const RETRY_DELAY_MS = 2_000;
/** A message stands in the address of a push monitor, and addresses have limits. */
const KUMA_MESSAGE_BYTES_MAX = 250;
const BODY_BYTES_MAX = 4_000;

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
	const { log, timeoutMs = TIMEOUT_MS, retryDelayMs = RETRY_DELAY_MS } = options;
	const mask = options.mask ?? ((text: string) => text);
	const { url, headers, place } = requestAddress({ url: options.url });
	const requestFor = url.pathname.includes('/api/push/') ? kumaRequest : healthchecksRequest;
	const deliver = createDelivery({
		place,
		log,
		complaint: 'The heartbeat could not be sent.',
		timeoutMs,
		retries: 1,
		retryDelayMs,
		unreachableHint: 'Check the server in REPLICATOR_HEARTBEAT_URL, and that this machine can reach it.',
		refusedHint: () =>
			'Check REPLICATOR_HEARTBEAT_URL, and that what it names still exists and is not paused.',
	});
	let underWay: Promise<void> | null = null;
	let waiting: Beat | null = null;

	const tell = (beat: Beat) => {
		waiting = beat;
		underWay ??= tellWaiting();
		return underWay;
	};
	return {
		succeed: ({ durationMs }) => tell({ isGood: true, durationMs }),
		fail: (message) => tell({ isGood: false, message: mask(message) }),
	};

	async function tellWaiting(): Promise<void> {
		while (waiting !== null) {
			const beat: Beat = waiting;
			waiting = null;
			const { url: target, ...request } = requestFor(url, beat);
			await deliver(target, { ...request, headers, followsRedirects: true });
		}
		underWay = null;
	}
}

/** Kuma takes everything from the query, which its own page shows as an example with values in it. */
function kumaRequest(address: URL, beat: Beat): BeatRequest {
	const url = new URL(address);
	url.searchParams.set('status', beat.isGood ? 'up' : 'down');
	url.searchParams.set('msg', beat.isGood ? 'OK' : cutToBytes(beat.message, KUMA_MESSAGE_BYTES_MAX));
	if (beat.isGood) url.searchParams.set('ping', String(Math.round(beat.durationMs)));
	else url.searchParams.delete('ping');
	return { url };
}

function healthchecksRequest(address: URL, beat: Beat): BeatRequest {
	if (beat.isGood) return { url: address };
	const url = new URL(address);
	url.pathname = `${url.pathname.replace(/(?<!\/)\/+$/, '')}/fail`;
	return { url, method: 'POST', body: cutToBytes(beat.message, BODY_BYTES_MAX) };
}
