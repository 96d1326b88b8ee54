import { SerialQueue } from '../kuma/serial-queue.ts';
import type { ReplicatorError } from '../model/replicator-error.ts';
import type { CycleReport } from '../model/status.ts';
import type { Notice, Notices } from '../signals/notices.ts';

/**
 * Tells people what cycles come to: what was published or applied, and trouble, each once. The end of a trouble is
 * told, too. Nothing here waits for a notice to arrive: replication goes on.
 */
export class CycleNotices {
	readonly #notices: Notices;
	readonly #queue = new SerialQueue();
	/** The trouble that was told last and is not over. */
	#trouble: string | null = null;
	#last: Promise<unknown> = Promise.resolve();

	constructor(notices: Notices) {
		this.#notices = notices;
	}

	tell(report: CycleReport): void {
		if (report.needsDecision) {
			const trouble = `${report.outcome} ${report.snapshotId}`;
			if (this.#trouble === trouble) return;
			this.#trouble = trouble;
			const kind = report.outcome === 'held' ? 'held' : 'failed';
			this.#send({ kind, message: report.summary, code: trouble });
		} else if (this.#trouble !== null) {
			this.#trouble = null;
			this.#send({ kind: 'recovered', message: `Replication works again. ${report.summary}` });
		} else if (report.outcome === 'published' || report.outcome === 'applied') {
			this.#send({ kind: report.outcome, message: report.summary });
		}
	}

	tellError(error: ReplicatorError): void {
		if (this.#trouble === error.code) return;
		this.#trouble = error.code;
		const message = error.hint === undefined ? error.message : `${error.message} ${error.hint}`;
		this.#send({ kind: 'failed', message, code: error.code });
	}

	/** Resolves when every notice so far was sent or given up. */
	async settled(): Promise<void> {
		await this.#last;
	}

	#send(notice: Notice): void {
		this.#last = this.#queue.run(() => this.#notices.send(notice));
	}
}
