import { isTrouble } from '../log/as-failure.ts';
import { describeTimezoneChange } from '../model/describe-timezone-change.ts';
import { type BeatsEvent, describeMissingBeats, MISSING_BEATS_HINT } from '../model/missing-beats.ts';
import type { ReplicatorError } from '../model/replicator-error.ts';
import { sentence } from '../model/sentence.ts';
import type { CycleReport } from '../model/status.ts';
import { SerialQueue } from '../timing/serial-queue.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { Notice, Notices } from './notices.ts';
import type { Nudger } from './ntfy-nudger.ts';

/** While a server is slow, news that are not told yet become old; trouble is told again by the next cycle. */
const PENDING_MAX = 20;
/** A leader that is upgraded, or a network that hiccups, is nothing to wake anybody for. */
const LEADER_PATIENCE_MS = 60_000;

/** The ways that news take. */
export interface NoticeWays {
	readonly notices: Notices;
	/** For replicas that do not hear the notices. */
	readonly nudger?: Nudger;
	readonly heartbeat?: Heartbeat;
}

/**
 * Tells people, replicas and whoever watches replication what cycles come to: what was published or applied, and
 * trouble, each once. The end of a trouble is told, too. Nothing here waits for anything to arrive: replication goes on.
 */
export class CycleNotices {
	#ways: NoticeWays;
	readonly #queue = new SerialQueue();
	readonly #pending = new Set<Notice>();
	#isTroubled = false;
	/** The rows that could not be applied as they are, as they were told; null until the first cycle. */
	#toldRows: string | null = null;
	/** Counts down while the leader cannot be heard. */
	#leaderPatience: NodeJS.Timeout | undefined;
	#isLeaderMissed = false;
	/** What is wrong with a Kuma that does not beat; null: it does. */
	#beatless: string | null = null;
	#isBeatlessTold = false;
	#lastDurationMs = 0;
	#last: Promise<unknown> = Promise.resolve();

	constructor(notices: Notices, beside: Omit<NoticeWays, 'notices'> = {}) {
		this.#ways = { notices, ...beside };
	}

	/** Sends from now on in other ways, which have told nothing yet. What cycles came to is remembered. */
	readdress(ways: NoticeWays): void {
		this.#ways = ways;
	}

	tell(report: CycleReport, durationMs = 0): void {
		const { outcome, summary } = report;
		// Whoever asked for a preview has the answer. A Kuma that is not set up says nothing about replication.
		if (outcome === 'planned' || outcome === 'not-set-up') return;
		if (report.needsDecision) {
			const kind = outcome === 'held' ? 'held' : 'failed';
			this.#tellTrouble({ kind, message: summary, code: report.trouble ?? outcome });
			return;
		}
		this.#lastDurationMs = durationMs;
		if (this.#beatless === null) void this.#ways.heartbeat?.succeed({ durationMs });
		else void this.#ways.heartbeat?.fail(this.#beatless);
		const isNews = outcome === 'published' || outcome === 'applied';
		if (this.#isTroubled) {
			const message = isNews ? 'Replication works again.' : `Replication works again. ${summary}`;
			this.#isTroubled = !this.#send({ kind: 'recovered', message });
		}
		if (outcome === 'published') void this.#ways.nudger?.nudge();
		if (isNews) this.#send({ kind: this.#kindOf(report, outcome), message: summary });
		// All of a snapshot may be set aside, so that nothing changes. What was so before a restart is no news.
		else if (outcome === 'unchanged' && this.#noteRows(report))
			this.#send({ kind: 'applied-in-part', message: summary });
		const { timezoneChange } = report;
		if (timezoneChange !== undefined)
			this.#send({ kind: 'timezone-changed', message: describeTimezoneChange(timezoneChange) });
	}

	tellError(error: ReplicatorError): void {
		const { code, message, hint } = error;
		if (!isTrouble(error)) return;
		this.#tellTrouble({
			kind: 'failed',
			message: hint === undefined ? message : `${sentence(message)} ${hint}`,
			code,
		});
	}

	/**
	 * Something beside Kuma is down. That of replication is a trouble like that of a cycle, and over with the next good
	 * cycle; of anything else the end is told by itself.
	 */
	tellPartDown(part: string, error: ReplicatorError): void {
		const { code, message, hint } = error;
		const ownWords = hint === undefined ? sentence(message) : `${sentence(message)} ${hint}`;
		if (part === 'replication') {
			const told = `Replication is down, and Kuma runs. ${ownWords}`;
			this.#tellTrouble({ kind: 'failed', message: told, code });
		} else
			this.#send({ kind: 'part-down', message: `Kuma runs, but not all beside it (${part}). ${ownWords}` });
	}

	tellPartBack(part: string): void {
		if (part !== 'replication') this.#send({ kind: 'part-back', message: `It works again: ${part}.` });
	}

	/** Something failed that nothing has expected. */
	tellUnexpected(): void {
		const message =
			'A failure that nothing has expected was caught; Kuma and replication go on. Please report it with the lines of the log.';
		this.#send({ kind: 'part-down', message });
	}

	/** A replica cannot hear its leader: told when that lasts. Replication goes on through the repository. */
	tellLeaderLost(reason: string): void {
		clearTimeout(this.#leaderPatience);
		this.#leaderPatience = setTimeout(() => {
			const message = `The leader cannot be heard: ${sentence(reason)} Snapshots come from the repository meanwhile.`;
			this.#isLeaderMissed = this.#send({ kind: 'leader-lost', message });
		}, LEADER_PATIENCE_MS).unref();
	}

	tellLeaderBack(): void {
		clearTimeout(this.#leaderPatience);
		if (!this.#isLeaderMissed) return;
		this.#isLeaderMissed = !this.#send({ kind: 'leader-back', message: 'The leader is heard again.' });
	}

	/** Kuma itself is in trouble, whatever replication does: whoever watches replication hears of it until it is over. */
	tellBeats(event: BeatsEvent): void {
		if (event.event === 'beatsStopped') {
			this.#beatless = `${describeMissingBeats(event.beats)} ${MISSING_BEATS_HINT}`;
			void this.#ways.heartbeat?.fail(this.#beatless);
			this.#isBeatlessTold = this.#send({ kind: 'beats-stopped', message: this.#beatless });
			return;
		}
		this.#beatless = null;
		if (!this.#isTroubled) void this.#ways.heartbeat?.succeed({ durationMs: this.#lastDurationMs });
		if (!this.#isBeatlessTold) return;
		const minutes = Math.max(1, Math.round(event.silentMs / 60_000));
		const message = `Uptime Kuma beats again. No beat was seen for ${minutes} min before that.`;
		this.#isBeatlessTold = !this.#send({ kind: 'beats-resumed', message });
	}

	/** Resolves when every notice so far was sent or given up. */
	async settled(): Promise<void> {
		await this.#last;
	}

	#tellTrouble(notice: Notice & { readonly code: string }): void {
		this.#isTroubled = true;
		void this.#ways.heartbeat?.fail(notice.message);
		const last = [...this.#pending].findLast(
			({ code, kind }) => code === notice.code || kind === 'recovered',
		);
		if (last?.code !== notice.code) this.#send(notice);
	}

	/** Rows that are set aside are worth more attention, but not at every change of something else. */
	#kindOf(report: CycleReport, outcome: 'published' | 'applied'): Notice['kind'] {
		if (outcome === 'published') return outcome;
		this.#toldRows ??= '[]';
		return this.#noteRows(report) ? 'applied-in-part' : outcome;
	}

	/** @returns whether there are such rows, and other ones than before. */
	#noteRows({ heldRows }: CycleReport): boolean {
		const before = this.#toldRows;
		this.#toldRows = JSON.stringify(heldRows.map(({ table, key }) => [table, key]));
		return before !== null && before !== this.#toldRows && heldRows.length > 0;
	}

	/** @returns whether it is on its way. */
	#send(notice: Notice): boolean {
		if (this.#pending.size >= PENDING_MAX) return false;
		this.#pending.add(notice);
		this.#last = this.#queue.run(async () => {
			try {
				await this.#ways.notices.send(notice);
			} finally {
				this.#pending.delete(notice);
			}
		});
		return true;
	}
}
