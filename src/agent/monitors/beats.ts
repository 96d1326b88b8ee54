import {
	BEAT_TICK_MS,
	type BeatingMonitor,
	type BeatReport,
	BeatWatch,
	beatsByItself,
	NO_BEATS_YET,
} from '../../model/beat-watch.ts';
import { guarded } from '../agent-log.ts';
import { describeError } from '../describe-error.ts';
import type { Bean, Beans, Kuma } from '../kuma/kuma.ts';
import { within } from '../within.ts';

/** The columns that say how often a monitor beats; backticks are what both databases take. */
const ACTIVE_MONITORS =
	'SELECT `id`, `type`, `interval`, `retry_interval`, `maxretries`, `timeout` FROM `monitor` WHERE `active` = 1';

/** Less than a tick, so that each one ends with a judgement. */
const READ_MAX_MS = 5_000;
const DATABASE_SILENT = 'the process of Kuma answers, but its database does not';

type Row = Readonly<Record<string, unknown>>;

/**
 * Watches the beats of Kuma's monitors where all of them come by: at their way into the database. A beat that cannot
 * be stored is none.
 */
export class Beats {
	readonly #watch = new BeatWatch();
	readonly #readKuma: () => Kuma;
	readonly #onReport: (report: BeatReport) => void;
	/** Null: not known yet, for the database could not be asked. */
	#monitors: readonly BeatingMonitor[] | null = null;
	#server: Kuma['server'];
	#hasBeaten = false;
	#isReading = false;
	#lastError: string | null = null;
	#report = NO_BEATS_YET;

	constructor(parts: { readonly readKuma: () => Kuma; readonly onReport: (report: BeatReport) => void }) {
		this.#readKuma = parts.readKuma;
		this.#onReport = parts.onReport;
	}

	get report(): BeatReport {
		return this.#report;
	}

	/** @returns whether Kuma's way into the database is as expected. */
	install(beans: Beans | undefined): boolean {
		const store = beans?.store;
		if (beans === undefined || typeof store !== 'function' || typeof beans.getAll !== 'function')
			return false;
		const note = (bean: Bean) => guarded('noting a beat', () => this.#note(bean));
		const noteError = (error: unknown) => this.noteError(error);
		beans.store = function (this: unknown, bean, ...rest) {
			const stored = store.call(this, bean, ...rest);
			if (bean?.beanMeta?.type === 'heartbeat' && stored instanceof Promise)
				stored.then(() => note(bean), noteError);
			return stored;
		};
		// Nothing here may keep Kuma from ending.
		setInterval(() => void this.#look(), BEAT_TICK_MS).unref();
		return true;
	}

	/**
	 * Hears what Kuma itself writes to its log of errors, a monitor whose beat throws among it.
	 * @param serverClass Kuma's class UptimeKumaServer.
	 */
	hearErrors(serverClass: unknown): void {
		const target = serverClass as { errorLog?(error: unknown, ...rest: unknown[]): unknown } | undefined;
		const errorLog = target?.errorLog;
		if (target === undefined || typeof errorLog !== 'function') return;
		const noteError = (error: unknown) => this.noteError(error);
		target.errorLog = function (this: unknown, error, ...rest) {
			noteError(error);
			return errorLog.call(this, error, ...rest);
		};
	}

	noteError(error: unknown): void {
		guarded('noting an error', () => {
			this.#lastError = describeError(error);
		});
	}

	#note(bean: Bean): void {
		const id = Number(bean.monitor_id);
		// Found once: to look for it costs more than everything else about a beat.
		this.#server ??= this.#readKuma().server;
		const monitor = this.#server?.monitorList?.[id];
		if (monitor === undefined || !beatsByItself(monitor.type)) return;
		this.#watch.note(id, performance.now());
		this.#hasBeaten = true;
		this.#lastError = null;
		if (this.#watch.isMissing) this.#judge();
	}

	/** The database says what should beat, but only when nothing does it has to be asked. */
	async #look(): Promise<void> {
		if (!this.#hasBeaten || this.#monitors === null || this.#monitors.length === 0) await this.#ask();
		guarded('looking after beats', () => this.#judge());
		this.#hasBeaten = false;
	}

	/** Of a database that does not answer, nothing more is asked until it does. */
	async #ask(): Promise<void> {
		if (this.#isReading) return;
		this.#isReading = true;
		const reading = async () => {
			try {
				this.#monitors = await readMonitors(this.#readKuma().beans);
			} finally {
				this.#isReading = false;
			}
		};
		try {
			await within(READ_MAX_MS, reading);
		} catch (error) {
			if (!this.#isReading) this.noteError(error);
		}
	}

	#judge(): void {
		if (this.#monitors === null) return;
		this.#report = {
			...this.#watch.judge(this.#monitors, performance.now()),
			lastError: this.#isReading && !this.#hasBeaten ? DATABASE_SILENT : this.#lastError,
		};
		this.#onReport(this.#report);
	}
}

async function readMonitors(beans: Beans | undefined): Promise<BeatingMonitor[]> {
	const rows = ((await beans?.getAll?.(ACTIVE_MONITORS)) ?? []) as Row[];
	return rows.filter(({ type }) => beatsByItself(type)).map(toBeatingMonitor);
}

function toBeatingMonitor(row: Row): BeatingMonitor {
	return {
		id: Number(row.id),
		intervalSeconds: Number(row.interval),
		retryIntervalSeconds: Number(row.maxretries) > 0 ? Number(row.retry_interval) : 0,
		timeoutSeconds: Number(row.timeout),
	};
}
