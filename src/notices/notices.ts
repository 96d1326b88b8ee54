import type { Log } from '../model/log.ts';
import { nudgeMark } from '../nudges/nudge-mark.ts';
import type { Addressee } from '../wire/request-address.ts';
import { createNtfySender, type SendReport } from './ntfy-sender.ts';
import { asciiHeader, cutToBytes } from './ntfy-text.ts';

export type NoticeKind =
	| 'published'
	| 'applied'
	| 'applied-in-part'
	| 'held'
	| 'failed'
	| 'recovered'
	| 'leader-lost'
	| 'leader-back'
	| 'timezone-changed'
	/** Something beside Kuma and replication does not work, or does again. */
	| 'part-down'
	| 'part-back'
	| 'beats-stopped'
	| 'beats-resumed'
	| 'info';

export interface Notice {
	readonly kind: NoticeKind;
	readonly title?: string;
	readonly message: string;
	/** What tells one trouble from another: it is told once, until things are well again. */
	readonly code?: string;
}

export type NoticeReport =
	| SendReport
	/** The same trouble was told already, and is not over. */
	| { readonly outcome: 'repeated' }
	/** There is nowhere to send it to. */
	| { readonly outcome: 'off' };

/** Tells people what happened. `send` never rejects because of the server: replication goes on without notices. */
export interface Notices {
	send(notice: Notice): Promise<NoticeReport>;
}

export interface NoticesOptions {
	/** A topic's address, with or without a user name and password in it, or null to send nothing. */
	readonly ntfy: Addressee | null;
	/** Stands in front of every message. */
	readonly hostname: string;
	readonly log: Log;
	/** The fleet whose replicas a `published` notice makes look, or null when it is for people alone. */
	readonly nudgedFleet?: string | null;
	/** Hides secrets in what is sent: a topic on a public server can be read by whoever guesses its name. */
	readonly mask?: (text: string) => string;
	/** How long one attempt may take. */
	readonly timeoutMs?: number;
	/** How long to wait before the first retry; twice as long before the second. */
	readonly retryDelayMs?: number;
}

/** ntfy turns a message of more than 4,096 bytes into an attachment. */
const MESSAGE_BYTES_MAX = 4_000;

/** How each kind looks on a phone; 3 is ntfy's normal priority, and tags are emoji by name. */
const APPEARANCES = {
	published: { title: 'Snapshot published', priority: '2', tags: 'outbox_tray' },
	applied: { title: 'Snapshot applied', priority: '2', tags: 'inbox_tray' },
	'applied-in-part': { title: 'Snapshot applied in part', priority: '3', tags: 'warning' },
	held: { title: 'Snapshot held', priority: '4', tags: 'raised_hand' },
	failed: { title: 'Replication failed', priority: '4', tags: 'rotating_light' },
	recovered: { title: 'Replication recovered', priority: '3', tags: 'white_check_mark' },
	'leader-lost': { title: 'Leader lost', priority: '4', tags: 'mag' },
	'leader-back': { title: 'Leader is back', priority: '3', tags: 'white_check_mark' },
	'beats-stopped': { title: 'Uptime Kuma does not beat', priority: '5', tags: 'rotating_light' },
	'beats-resumed': { title: 'Uptime Kuma beats again', priority: '3', tags: 'white_check_mark' },
	'timezone-changed': { title: 'Time zone of the fleet changed', priority: '4', tags: 'clock3' },
	'part-down': { title: 'Kuma runs, something else does not', priority: '4', tags: 'warning' },
	'part-back': { title: 'It works again', priority: '3', tags: 'white_check_mark' },
	info: { title: 'Replicator Kuma', priority: '3', tags: 'information_source' },
} as const satisfies Record<NoticeKind, { title: string; priority: string; tags: string }>;

/** @returns notices that go to an ntfy topic. */
export function createNotices(options: NoticesOptions): Notices {
	const { ntfy, hostname, nudgedFleet = null } = options;
	if (ntfy === null) {
		return { send: async () => ({ outcome: 'off' }) };
	}
	const sender = createNtfySender({ ...options, topic: ntfy, variable: 'NTFY_URL' });
	const mask = options.mask ?? ((text: string) => text);
	/** Troubles that were told and are not over. Two that alternate are told once each, too. */
	const told = new Set<string>();

	return {
		async send({ kind, title, message, code }) {
			if (code !== undefined && told.has(code)) return { outcome: 'repeated' };
			const appearance = APPEARANCES[kind];
			const tags =
				kind === 'published' && nudgedFleet !== null
					? `${appearance.tags},${nudgeMark(nudgedFleet)}`
					: appearance.tags;
			const report = await sender.send({
				headers: {
					Title: asciiHeader(mask(title ?? appearance.title)),
					Priority: appearance.priority,
					Tags: tags,
				},
				body: cutToBytes(mask(`[${hostname}] ${message}`), MESSAGE_BYTES_MAX),
				kind,
			});
			// Over is over, even if nobody could be told.
			if (kind === 'recovered') told.clear();
			else if (code !== undefined && report.outcome === 'sent') told.add(code);
			return report;
		},
	};
}
