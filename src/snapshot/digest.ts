import { createHash } from 'node:crypto';
import type { ManifestFile, ManifestTable } from '../model/snapshot.ts';

/** @returns the SHA-256 of some bytes, or of a text as UTF-8, in hexadecimal. */
export function sha256(content: string | Uint8Array): string {
	return createHash('sha256').update(content).digest('hex');
}

/**
 * The digest of a snapshot: a SHA-256 over everything that a replica could apply (each table's columns and rows,
 * each file, the leader's time zone), and over nothing else, so that the same configuration has the same digest
 * whenever and by whomever it is published.
 */
export function digestOf(content: {
	/** As it is written in the manifest. */
	readonly timezone: unknown;
	readonly tables: readonly ManifestTable[];
	readonly files: readonly ManifestFile[];
}): string {
	const lines = [
		`timezone ${JSON.stringify(content.timezone)}`,
		...content.tables.map(
			(table) =>
				`table ${JSON.stringify([table.name, table.key, table.columns.map(describeColumn), table.sha256])}`,
		),
		...content.files.map((file) => `file ${JSON.stringify([file.path, file.sha256])}`),
	];
	return sha256(lines.sort().join('\n'));
}

function describeColumn(column: ManifestTable['columns'][number]): unknown {
	const fallback = column.defaultValue;
	return [
		column.name,
		column.declared,
		column.isNullable,
		column.stored,
		fallback === undefined ? [] : [String(fallback)],
		column.charset ?? null,
		column.allowedValues ?? null,
	];
}
