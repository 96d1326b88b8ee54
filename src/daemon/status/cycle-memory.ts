import { maskSecrets } from '../../log/secrets.ts';
import { describeTimezoneChange } from '../../model/describe-timezone-change.ts';
import type { Log } from '../../model/log.ts';
import type { ReplicatorError } from '../../model/replicator-error.ts';
import type { CycleReport, Status } from '../../model/status.ts';

export type LastCycles = Pick<Status, 'lastCycle' | 'lastSuccessAt' | 'lastError'>;

/** What the last cycles came to, as a status shows it. What is the same as before is no news for the log. */
export class CycleMemory {
	readonly #log: Log;
	#last: LastCycles = { lastCycle: null, lastSuccessAt: null, lastError: null };

	constructor(log: Log) {
		this.#log = log;
	}

	get last(): LastCycles {
		return this.#last;
	}

	remember(report: CycleReport, preciseMs: number): void {
		const durationMs = Math.round(preciseMs);
		const finishedAt = new Date().toISOString();
		const isNews = this.#last.lastCycle?.summary !== report.summary;
		const write = !isNews ? this.#log.debug : report.needsDecision ? this.#log.warning : this.#log.info;
		write(report.summary, { outcome: report.outcome, durationMs });
		if (report.timezoneChange !== undefined) this.#log.warning(describeTimezoneChange(report.timezoneChange));
		if (isNews) for (const line of report.details) this.#log.debug('Change', { line });
		this.#last = {
			lastCycle: { ...report, finishedAt, durationMs },
			// What waits for a person is no success, however well it went: nothing is replicated.
			lastSuccessAt: report.needsDecision ? this.#last.lastSuccessAt : finishedAt,
			lastError: null,
		};
	}

	rememberError({ code, message, hint }: ReplicatorError): void {
		const at = new Date().toISOString();
		this.#last = {
			...this.#last,
			lastError: { code, message: maskSecrets(message), hint: hint ?? null, at },
		};
	}
}
