import { originOf } from '../instance/snapshots/origin-of.ts';
import type { Database } from '../model/database.ts';
import type { FleetInstance } from '../model/instance.ts';
import { LEGACY_GENERATION, type LegacySnapshot, type PublishedSnapshot } from '../model/lineage.ts';
import { encodeContent, makeManifest } from '../snapshot/encode.ts';
import { readLegacyTree } from '../snapshot/legacy/read-legacy-tree.ts';
import { takeTables } from '../snapshot/take.ts';
import { writeTree } from '../snapshot/write-tree.ts';

/** Stands where a snapshot names the instance and the product that made it. */
const ORIGINAL = 'original';

/**
 * Finds what to follow where there is no lineage: the newest snapshot of the original, as one before every generation.
 * One that this instance does not have yet is fetched, converted, and kept like any other.
 * @returns null when the original has made none.
 */
export async function followLegacy(request: {
	readonly instance: FleetInstance;
	readonly database: Database;
	readonly legacy: readonly LegacySnapshot[];
	/** Whether the content is needed whatever this instance has applied. */
	readonly isForced: boolean;
}): Promise<PublishedSnapshot | null> {
	const { instance, legacy } = request;
	const newest = legacy.findLast(({ version }) => version === 2);
	if (newest === undefined) return null;
	const { position } = instance.state.read();
	const { legacyRead } = instance;
	if (position?.id === newest.id && !request.isForced) return toHead(newest, position.digest);
	for (const known of [position, legacyRead.newest]) {
		if (known?.id !== newest.id || (await instance.snapshots.load(known.digest)) === null) continue;
		return toHead(newest, known.digest);
	}
	const digest = await keepConverted(request, newest);
	const isTold = legacyRead.newest !== null || position?.generation === LEGACY_GENERATION;
	if (!isTold) tellLosses(instance, newest);
	legacyRead.newest = { id: newest.id, digest };
	return toHead(newest, digest);
}

function toHead({ id, time, hostname }: LegacySnapshot, digest: string): PublishedSnapshot {
	return {
		id,
		time,
		hostname,
		generation: LEGACY_GENERATION,
		digest,
		parentId: null,
		instanceId: ORIGINAL,
		allowsDeletes: false,
	};
}

/** @returns the digest under which it is kept: that of what was read, for the original has none. */
async function keepConverted(
	{ instance, database }: { readonly instance: FleetInstance; readonly database: Database },
	{ id, time, hostname }: LegacySnapshot,
): Promise<string> {
	const where = id.slice(0, 8);
	const { catalog } = instance;
	const taken = await database.read((reader) => takeTables(reader, catalog));
	const { databaseKind, tables } = await instance.snapshots.withFetchDirectory(async (directory) => {
		await instance.repository.fetch({ id, directory });
		return readLegacyTree({ directory, where, catalog, schema: taken.schema });
	});
	// The original keeps no zone: as before, "as on the server" means each instance's own.
	const { timezone } = originOf(instance, taken);
	const encoded = encodeContent({ databaseKind, timezone, tables, files: [] });
	const manifest = makeManifest({
		encoded,
		origin: {
			productVersion: ORIGINAL,
			kumaVersion: null,
			databaseKind,
			hostname,
			instanceId: ORIGINAL,
			timezone,
		},
		parent: null,
		createdAt: new Date(time).toISOString(),
	});
	const { digest } = encoded;
	await instance.snapshots.keep({
		digest,
		where,
		write: (directory) => writeTree({ directory, encoded, manifest }),
	});
	return digest;
}

function tellLosses({ log }: FleetInstance, { id, hostname }: LegacySnapshot): void {
	log.warning(
		'Following the original Replicator Kuma until a leader of this one publishes; its snapshots have lost something',
		{
			snapshot: id,
			leader: hostname,
			lost: [
				'whether an empty value was NULL or the text "null"',
				'Docker hosts',
				'status page domains',
				'uploaded images',
				"the leader's time zone",
			],
		},
	);
}
