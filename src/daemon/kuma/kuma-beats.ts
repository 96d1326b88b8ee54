import type { StoredBeats } from '../../instance/stored-beats.ts';
import { maskSecrets } from '../../log/secrets.ts';
import type { AgentHello } from '../../model/agent-protocol.ts';
import { BEAT_TICK_MS, type BeatReport } from '../../model/beat-watch.ts';
import type { Log } from '../../model/log.ts';
import type { BeatsEvent } from '../../model/missing-beats.ts';
import { isReplicatorError } from '../../model/replicator-error.ts';
import type { KumaBeatsStatus } from '../../model/status.ts';

/** The database is asked less often than the agent tells: it must be opened for it. */
const TICKS_PER_READ = 3;
/** An agent that says nothing for so long stands in a Kuma whose event loop stands. */
const SILENCE_MAX_MS = 60_000;

const BEATS_UNKNOWN: KumaBeatsStatus = {
	state: 'unknown',
	monitors: 0,
	lastBeatAt: null,
	lastError: null,
};

export interface KumaBeatsOptions {
	/** What the agent in Kuma says of itself; null: there is none. */
	readonly hello: () => AgentHello | null;
	/** Kuma's own database, for a Kuma whose agent cannot be asked. */
	readonly stored: StoredBeats;
	readonly onEvent: (event: BeatsEvent) => void;
	readonly log: Log;
}

/**
 * Follows whether Kuma beats: by what the agent sees, or else by what is new in the database. A Kuma that does not run,
 * cannot start, or stands, does not beat either: where nobody can say how it beats, its monitors are those that were
 * known last, and none of them is taken to beat.
 */
export class KumaBeats {
	readonly #options: KumaBeatsOptions;
	#status = BEATS_UNKNOWN;
	/** When the agent was heard last, by ticks: time in which this process was suspended does not count. */
	#ticksOfSilence = 0;
	/** The last report of anybody, and when it came, by ticks. */
	#seen: BeatReport | null = null;
	#ticksUnseen = 0;
	#ticks = 0;
	#isReading = false;
	#stoppedAt: number | null = null;
	#toldCode: string | null = null;

	constructor(options: KumaBeatsOptions) {
		this.#options = options;
	}

	get status(): KumaBeatsStatus {
		return this.#status;
	}

	/** The agent has told how the monitors beat. */
	hear(report: BeatReport): void {
		this.#ticksOfSilence = 0;
		this.#options.stored.forget();
		this.#see(report);
	}

	/** Looks until `signal` is aborted. */
	watch(signal: AbortSignal): void {
		const timer = setInterval(() => void this.#tick(), BEAT_TICK_MS).unref();
		signal.addEventListener('abort', () => clearInterval(timer), { once: true });
	}

	async #tick(): Promise<void> {
		this.#ticks += 1;
		this.#ticksUnseen += 1;
		const hello = this.#options.hello();
		if (hello?.phase === 'running' && hello.capabilities.beats === true) return this.#listen(hello);
		this.#ticksOfSilence = 0;
		if (this.#ticks % TICKS_PER_READ === 0 && !this.#isReading) await this.#read();
	}

	#listen({ beats }: AgentHello): void {
		this.#ticksOfSilence += 1;
		const silentMs = this.#ticksOfSilence * BEAT_TICK_MS;
		const known = beats.monitors > 0 ? beats : this.#seen;
		if (silentMs <= SILENCE_MAX_MS || known === null || known.monitors === 0) return;
		// The last beat does not become younger with each look at what was said of it.
		const isTimed = this.#status.lastBeatAt !== null || known.sinceBeatMs === null;
		const sinceBeatMs = isTimed ? null : known.sinceBeatMs + silentMs;
		const lastError =
			known === beats
				? 'the process of Kuma does not answer'
				: 'its agent does not say which monitors it has';
		this.#set({ ...known, sinceBeatMs, isMissing: true, lastError });
	}

	/** Nobody can say how Kuma beats: its monitors beat as long as they need not have beaten again. */
	#judgeUnseen(): void {
		const seen = this.#seen;
		if (seen === null || seen.monitors === 0) return;
		if (this.#ticksUnseen * BEAT_TICK_MS <= seen.patienceMs) return;
		this.#set({ ...seen, sinceBeatMs: null, isMissing: true });
	}

	async #read(): Promise<void> {
		this.#isReading = true;
		try {
			const report = await this.#options.stored.read(performance.now());
			if (report === null) this.#judgeUnseen();
			else this.#see(report);
			this.#toldCode = null;
		} catch (error) {
			const code = isReplicatorError(error) ? error.code : String(error);
			if (code !== this.#toldCode)
				this.#options.log.warning('Whether Kuma beats cannot be read from its database', { error });
			this.#toldCode = code;
			this.#judgeUnseen();
		} finally {
			this.#isReading = false;
		}
	}

	#see(report: BeatReport): void {
		this.#seen = report;
		this.#ticksUnseen = 0;
		// It is over with a beat: whoever has just begun to look has not missed any yet.
		const isStillMissing = this.#stoppedAt !== null && report.monitors > 0 && report.sinceBeatMs === null;
		this.#set({ ...report, isMissing: report.isMissing || isStillMissing });
	}

	#set({ monitors, sinceBeatMs, isMissing, lastError }: BeatReport): void {
		const lastBeatAt =
			sinceBeatMs === null ? this.#status.lastBeatAt : new Date(Date.now() - sinceBeatMs).toISOString();
		const state = isMissing ? 'missing' : monitors === 0 ? 'idle' : 'beating';
		this.#status = {
			state,
			monitors,
			lastBeatAt,
			lastError: lastError === null ? null : maskSecrets(lastError),
		};
		this.#tell(isMissing);
	}

	#tell(isMissing: boolean): void {
		const { onEvent, log } = this.#options;
		if (isMissing === (this.#stoppedAt !== null)) return;
		const now = performance.now();
		if (this.#stoppedAt === null) {
			this.#stoppedAt = now;
			const { lastError, monitors } = this.#status;
			log.error('No monitor of Kuma beats', { monitors, lastError });
			onEvent({ event: 'beatsStopped', beats: this.#status });
			return;
		}
		const silentMs = now - this.#stoppedAt;
		this.#stoppedAt = null;
		log.info('Kuma beats again', { silentMs: Math.round(silentMs) });
		onEvent({ event: 'beatsResumed', silentMs });
	}
}
