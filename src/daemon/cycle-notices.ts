import { SerialQueue } from '../kuma/serial-queue.ts';
import type { ReplicatorError } from '../model/replicator-error.ts';
import type { CycleReport } from '../model/status.ts';
import type { Heartbeat } from '../signals/heartbeat.ts';
import type { Notice, Notices } from '../signals/notices.ts';
import type { Nudger } from '../signals/ntfy-nudger.ts';

/** While a server is slow, news that are not told yet become old; trouble is told again by the next cycle. */
const PENDING_MAX = 20;
/** A leader that is upgraded, or a network that hiccups, is nothing to wake anybody for. */
const LEADER_PATIENCE_MS = 60_000;

/**
 * Tells people, replicas and whoever watches replication what cycles come to: what was published or applied, and
 * trouble, each once. The end of a trouble is told, too. Nothing here waits for anything to arrive: replication goes on.
 */
export class CycleNotices {
	readonly #notices: Notices;
	readonly #nudger: Nudger | null;
	readonly #heartbeat: Heartbeat | null;
	readonly #queue = new SerialQueue();
	readonly #pending = new Set<Notice>();
	#isTroubled = false;
	/** The rows that could not be applied as they are, as they were told. */
	#toldRows = '[]';
	/** Counts down while the leader cannot be heard. */
	#leaderPatience: NodeJS.Timeout | undefined;
	#isLeaderMissed = false;
	#last: Promise<unknown> = Promise.resolve();

	/** @param beside.nudger for replicas that do not hear the notices. */
	constructor(notices: Notices, beside: { readonly nudger?: Nudger; readonly heartbeat?: Heartbeat } = {}) {
		this.#notices = notices;
		this.#nudger = beside.nudger ?? null;
		this.#heartbeat = beside.heartbeat ?? null;
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
		void this.#heartbeat?.succeed({ durationMs });
		const isNews = outcome === 'published' || outcome === 'applied';
		if (this.#isTroubled) {
			const message = isNews ? 'Replication works again.' : `Replication works again. ${summary}`;
			this.#isTroubled = !this.#send({ kind: 'recovered', message });
		}
		if (outcome === 'published') void this.#nudger?.nudge();
		if (isNews) this.#send({ kind: this.#kindOf(report, outcome), message: summary });
	}

	tellError(error: ReplicatorError): void {
		const { code, message, hint } = error;
		// The end was asked for, or whoever asked for something has the answer.
		if (code === 'interrupted' || code === 'refused') return;
		this.#tellTrouble({
			kind: 'failed',
			message: hint === undefined ? message : `${sentence(message)} ${hint}`,
			code,
		});
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

	/** Resolves when every notice so far was sent or given up. */
	async settled(): Promise<void> {
		await this.#last;
	}

	#tellTrouble(notice: Notice & { readonly code: string }): void {
		this.#isTroubled = true;
		void this.#heartbeat?.fail(notice.message);
		const last = [...this.#pending].findLast(
			({ code, kind }) => code === notice.code || kind === 'recovered',
		);
		if (last?.code !== notice.code) this.#send(notice);
	}

	/** Rows that are held back are worth more attention, but not at every change of something else. */
	#kindOf(report: CycleReport, outcome: 'published' | 'applied'): Notice['kind'] {
		const rows = JSON.stringify(report.heldRows.map(({ table, key }) => [table, key]));
		if (outcome === 'published' || rows === this.#toldRows) return outcome;
		this.#toldRows = rows;
		return report.heldRows.length > 0 ? 'applied-in-part' : outcome;
	}

	/** @returns whether it is on its way. */
	#send(notice: Notice): boolean {
		if (this.#pending.size >= PENDING_MAX) return false;
		this.#pending.add(notice);
		this.#last = this.#queue.run(async () => {
			try {
				await this.#notices.send(notice);
			} finally {
				this.#pending.delete(notice);
			}
		});
		return true;
	}
}

function sentence(text: string): string {
	return /[.!?:]$/.test(text) ? text : `${text}.`;
}
