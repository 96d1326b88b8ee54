import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { serialize } from 'node:v8';
import { encodeTaken } from '../instance/snapshots/take-snapshot.ts';
import type { Database, WriteWatch } from '../model/database.ts';
import type { Instance } from '../model/instance.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import { type TakenTables, takeTables } from '../snapshot/take.ts';

export interface EditWatchOptions {
	readonly instance: Instance;
	/** Whether the agent tells of edits: then nothing is read here, and nothing held open. */
	readonly isTold: () => boolean;
	/** What would be published is not what it was, or not what was published. */
	readonly onEdit: () => void;
	/** Aborting it ends the watch. */
	readonly signal: AbortSignal;
	/** From the end of one look to the next. */
	readonly everyMs?: number;
	/** The part of a processor, up to 1, that looking may take up: a read that costs much is done less often. */
	readonly processorShareMax?: number;
}

const LOOK_EVERY_MS = 5_000;
/** A quarter of a minute in an hour. */
const PROCESSOR_SHARE_MAX = 0.004;
/** However much a read costs. */
const PAUSE_MS_MAX = 60_000;

/**
 * Finds edits of a Kuma that tells nobody of them, by reading what is replicated again and again. Kuma writes
 * heartbeats all the time, so it is the digest that counts. A read that fails is told once; the full check, which goes
 * on whatever happens here, tells the rest.
 */
export function watchEdits(options: EditWatchOptions): void {
	const {
		instance,
		isTold,
		onEdit,
		signal,
		everyMs = LOOK_EVERY_MS,
		processorShareMax = PROCESSOR_SHARE_MAX,
	} = options;
	let watch: { readonly location: string; readonly writes: WriteWatch } | null = null;
	/** The last read; null where it is not worth anything any more. */
	let seen: { readonly fingerprint: string; readonly digest: string } | null = null;
	let toldCode: string | null = null;
	void run();

	async function run(): Promise<void> {
		let pauseMs = everyMs;
		while (await waited(pauseMs)) {
			const before = process.cpuUsage();
			if (isTold()) forget();
			else await look();
			const { user, system } = process.cpuUsage(before);
			const fairMs = Math.min((user + system) / 1000 / processorShareMax, PAUSE_MS_MAX);
			pauseMs = Math.max(everyMs, fairMs);
		}
		forget();
	}

	/** @returns whether to go on. */
	async function waited(ms: number): Promise<boolean> {
		await delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
		return !signal.aborted;
	}

	async function look(): Promise<void> {
		try {
			const opened = await instance.openDatabase();
			// Whoever sets Kuma up is waited for by the cycle.
			if (opened.outcome === 'not-set-up') return forget();
			const { database } = opened;
			try {
				// Asked before the read: what is written during it is seen by the next one.
				if (mayDiffer(database))
					await compare(await database.read((reader) => takeTables(reader, instance.catalog)));
			} finally {
				await database.close();
			}
			toldCode = null;
		} catch (error) {
			forget();
			tell(error);
		}
	}

	function mayDiffer(database: Database): boolean {
		if (watch?.location !== database.location) {
			forget();
			watch = { location: database.location, writes: database.watchWrites() };
		}
		return watch.writes.hasWritten();
	}

	async function compare(taken: TakenTables): Promise<void> {
		const fingerprint = fingerprintOf(taken);
		if (fingerprint === seen?.fingerprint) return;
		const { digest } = (await encodeTaken(instance, taken)).encoded;
		// At first it is unknown what went by unseen; what is published already is no news.
		const before = seen?.digest ?? instance.state.read().position?.digest;
		seen = { fingerprint, digest };
		if (digest !== before) onEdit();
	}

	function forget(): void {
		watch?.writes.close();
		watch = null;
		seen = null;
	}

	function tell(error: unknown): void {
		// While Kuma migrates, its tables are nobody's business.
		if (isReplicatorError(error, 'database-not-migrated')) return;
		const code = isReplicatorError(error) ? error.code : String(error);
		if (code !== toldCode)
			instance.log.warning('Edits cannot be looked for; the next full check tells more', { error });
		toldCode = code;
	}
}

/** The same for the same rows, at a twentieth of a digest's price; another one is worth a digest. */
function fingerprintOf({ tables }: TakenTables): string {
	return createHash('sha256').update(serialize(tables)).digest('hex');
}
