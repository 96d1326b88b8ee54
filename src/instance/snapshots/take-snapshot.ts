import type { Database } from '../../model/database.ts';
import type { Instance } from '../../model/instance.ts';
import type { Manifest, SnapshotContent, SnapshotParent } from '../../model/snapshot.ts';
import { type EncodedContent, encodeContent, makeManifest } from '../../snapshot/encode.ts';
import { type MissingImage, type TakenTables, takeTables, toContent } from '../../snapshot/take.ts';
import { originOf } from './origin-of.ts';

/** What an instance holds, ready to be published or exported. */
export interface TakenSnapshot {
	readonly taken: TakenTables;
	readonly content: SnapshotContent;
	readonly encoded: EncodedContent;
	/** Images that it is without. */
	readonly missingImages: readonly MissingImage[];
	/** Completes it with its place in the lineage. */
	manifest(parent: SnapshotParent | null): Manifest;
}

/** take → encode: one consistent snapshot of a database and of the files that its status pages show. */
export async function takeSnapshot(instance: Instance, database: Database): Promise<TakenSnapshot> {
	return encodeTaken(instance, await database.read((reader) => takeTables(reader, instance.catalog)));
}

/** Encodes what was taken from this instance. */
export async function encodeTaken(instance: Instance, taken: TakenTables): Promise<TakenSnapshot> {
	const origin = originOf(instance, taken);
	const missingImages: MissingImage[] = [];
	const content = await toContent({
		taken,
		catalog: instance.catalog,
		timezone: origin.timezone,
		readUpload: (path) => instance.uploads.read(path),
		onUnreadable: (image) => missingImages.push(image),
	});
	const encoded = encodeContent(content);
	const createdAt = new Date(instance.now()).toISOString();
	return {
		taken,
		content,
		encoded,
		missingImages,
		manifest: (parent) => makeManifest({ encoded, origin, parent, createdAt }),
	};
}
