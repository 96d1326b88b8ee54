import * as z from 'zod';
import { ReplicatorError } from '../model/replicator-error.ts';
import { type Manifest, SNAPSHOT_FORMAT_VERSION } from '../model/snapshot.ts';

// JSON has no bigint; a default beyond 2^53 is written as an object, so that it stays exact.
const defaultValue = z.union([
	z.null(),
	z.string(),
	z.number(),
	z.object({ int: z.string().regex(/^-?\d+$/) }).transform(({ int }) => BigInt(int)),
]);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const tableName = z.string().regex(/^[A-Za-z0-9_]{1,64}$/);
// Below upload/ and nowhere else: a snapshot must not be able to write into other folders of a replica.
const filePath = z
	.string()
	.max(1024)
	.regex(/^upload\/[^\\\0]+$/)
	.refine((path) => path.split('/').every((part) => part !== '' && part !== '.' && part !== '..'));
const column = z.object({
	name: z.string().min(1),
	declared: z.string(),
	isNullable: z.boolean(),
	defaultValue: defaultValue.optional(),
	charset: z.string().optional(),
	allowedValues: z.array(z.string()).optional(),
	stored: z.enum(['integer', 'real', 'text', 'blob', 'mixed']),
});
const manifestSchema = z.object({
	formatVersion: z.literal(SNAPSHOT_FORMAT_VERSION),
	productVersion: z.string(),
	kumaVersion: z.string().nullable(),
	databaseKind: z.enum(['sqlite', 'mariadb']),
	hostname: z.string(),
	instanceId: z.string(),
	// What stands there is part of the digest; whether it is a zone is another question.
	timezone: z.unknown().optional(),
	createdAt: z.iso.datetime(),
	digest: sha256,
	parent: z.object({ id: z.string(), digest: z.string() }).nullable(),
	tables: z.array(
		z.object({
			name: tableName,
			columns: z.array(column).min(1),
			key: z.array(z.string()).min(1),
			rowCount: z.int().min(0),
			sha256,
		}),
	),
	files: z.array(z.object({ path: filePath, sizeBytes: z.int().min(0), sha256 })),
});

/** A manifest as a leader wrote it, which may have been one that did not look what its zone is. */
export type WrittenManifest = Omit<Manifest, 'timezone'> & { readonly timezone: unknown };

/** @returns the manifest as JSON for people and machines. */
export function encodeManifest(manifest: Manifest): string {
	const replacer = (_key: string, value: unknown) =>
		typeof value === 'bigint' ? { int: value.toString() } : value;
	return `${JSON.stringify(manifest, replacer, '\t')}\n`;
}

/**
 * @throws ReplicatorError `snapshot-format-unknown` for a snapshot of a newer version, `snapshot-corrupt` for
 * anything that is no manifest.
 */
export function decodeManifest(json: string, where: string): WrittenManifest {
	const raw = parse(json, where);
	const version =
		typeof raw === 'object' && raw !== null && 'formatVersion' in raw ? raw.formatVersion : undefined;
	if (typeof version === 'number' && version > SNAPSHOT_FORMAT_VERSION) {
		throw new ReplicatorError(
			`The snapshot ${where} has format ${version}; this version reads ${SNAPSHOT_FORMAT_VERSION}.`,
			{
				code: 'snapshot-format-unknown',
				hint: 'Upgrade replicator-kuma on this instance to the version of the leader.',
			},
		);
	}
	const parsed = manifestSchema.safeParse(raw);
	if (!parsed.success)
		throw corrupt(where, z.prettifyError(parsed.error).split('\n')[0] ?? 'unknown', parsed.error);
	return parsed.data as WrittenManifest;
}

function parse(json: string, where: string): unknown {
	try {
		return JSON.parse(json);
	} catch (cause) {
		throw corrupt(where, 'it is not JSON', cause);
	}
}

function corrupt(where: string, reason: string, cause: unknown): ReplicatorError {
	return new ReplicatorError(`The manifest of the snapshot ${where} cannot be used: ${reason}.`, {
		code: 'snapshot-corrupt',
		hint: 'Nothing was changed. Check the repository with "restic check"; the next publish of the leader replaces this snapshot.',
		cause,
	});
}
