import { type BeatingMonitor, type BeatReport, BeatWatch, beatsByItself } from '../model/beat-watch.ts';
import type { Database, DatabaseReader } from '../model/database.ts';
import type { OpenedDatabase } from '../model/instance.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import type { DatabaseSchema, Value } from '../model/row.ts';

/** More beats than monitors can make between two reads; what comes beside is by monitors that have beaten. */
const BEATS_MAX = 20_000;
const COLUMNS = ['id', 'type', 'active', 'interval', 'retry_interval', 'maxretries', 'timeout'];

/** The beats of Kuma, as its database shows them. */
export interface StoredBeats {
	/** @returns how the monitors beat, or null: there are none yet, or the tables are not there. */
	read(now: number): Promise<BeatReport | null>;
	/** Another process watches: what was read before is worth nothing any more. */
	forget(): void;
}

/**
 * Watches beats from outside of Kuma, by the ids of new ones: no clock of Kuma's has to be right. What is read is the
 * new part of the table of heartbeats and nothing else, however large it is.
 */
export function watchStoredBeats(openDatabase: () => Promise<OpenedDatabase>): StoredBeats {
	let watch = new BeatWatch();
	/** The newest beat that was seen; null: none was looked for. */
	let lastId: number | null = null;

	async function readFrom(database: Database, now: number): Promise<BeatReport | null> {
		return database.read(async (reader) => {
			const schema = await reader.schema();
			if (!schema.tables.has('heartbeat')) return null;
			const monitors = await readMonitors(reader, schema);
			const beats = await readBeats(reader, schema, lastId);
			const own = new Set(monitors.map(({ id }) => id));
			// What was there before is no sign of life.
			if (lastId !== null)
				for (const { monitorId } of beats) if (own.has(monitorId)) watch.note(monitorId, now);
			lastId = Math.max(lastId ?? 0, ...beats.map(({ id }) => id));
			return { ...watch.judge(monitors, now), lastError: null };
		});
	}

	return {
		read: async (now) => {
			try {
				const opened = await openDatabase();
				if (opened.outcome === 'not-set-up') return null;
				try {
					return await readFrom(opened.database, now);
				} finally {
					await opened.database.close();
				}
			} catch (error) {
				// While Kuma migrates, nothing can beat.
				if (isReplicatorError(error, 'database-not-migrated')) return null;
				throw error;
			}
		},
		forget: () => {
			if (lastId === null) return;
			watch = new BeatWatch();
			lastId = null;
		},
	};
}

async function readMonitors(reader: DatabaseReader, schema: DatabaseSchema): Promise<BeatingMonitor[]> {
	const columns = (schema.tables.get('monitor')?.columns ?? []).filter(({ name }) => COLUMNS.includes(name));
	const rows = await reader.rows({ table: 'monitor', columns, orderBy: ['id'] });
	return rows
		.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index] ?? null])))
		.filter(({ active, type }) => Number(active) === 1 && beatsByItself(type))
		.map((row: Record<string, Value>) => ({
			id: Number(row.id),
			intervalSeconds: Number(row.interval),
			retryIntervalSeconds: Number(row.maxretries) > 0 ? Number(row.retry_interval) : 0,
			timeoutSeconds: Number(row.timeout),
		}));
}

async function readBeats(
	reader: DatabaseReader,
	schema: DatabaseSchema,
	lastId: number | null,
): Promise<{ readonly id: number; readonly monitorId: number }[]> {
	const all = schema.tables.get('heartbeat')?.columns ?? [];
	const columns = ['id', 'monitor_id'].flatMap((name) => all.find((column) => column.name === name) ?? []);
	const newest = { afterId: lastId ?? 0, rowsMax: lastId === null ? 1 : BEATS_MAX };
	const rows = await reader.rows({ table: 'heartbeat', columns, orderBy: ['id'], newest });
	return rows.map(([id, monitorId]) => ({ id: Number(id), monitorId: Number(monitorId) }));
}
