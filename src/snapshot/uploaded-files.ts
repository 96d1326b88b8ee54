import type { CatalogTable } from '../model/catalog-table.ts';
import type { TableRows } from '../model/row.ts';

// Kuma writes `/upload/logo1.png?t=1764000000123` into status_page.icon and serves the folder upload/ below the
// data directory at that path (its status page socket handler and server.js).
const UPLOADED = /^\/(upload\/[^?#]*)/;

/** What a manifest takes. */
const PATH_LENGTH_MAX = 1024;

/** A file that rows name, which is the image that a status page shows. */
export interface ShownFile {
	/** Below the data directory, with forward slashes. */
	readonly path: string;
	/** What the rows are called that name it. */
	readonly pages: readonly string[];
	/** Whether the path leads straight to a file below `upload/`. */
	readonly isPlain: boolean;
}

/** @returns the uploaded files that rows name in the columns that the catalog says, ordered by path. */
export function filesShownBy(tables: readonly TableRows[], catalog: readonly CatalogTable[]): ShownFile[] {
	const shown = new Map<string, string[]>();
	for (const { name, titleColumn, uploadColumns = [] } of catalog) {
		const table = tables.find((each) => each.name === name);
		if (table === undefined) continue;
		const title = table.columns.findIndex((column) => column.name === titleColumn);
		for (const [index, column] of table.columns.entries()) {
			if (!uploadColumns.includes(column.name)) continue;
			for (const row of table.rows) {
				const value = row[index];
				const path = typeof value === 'string' ? UPLOADED.exec(value)?.[1] : undefined;
				if (path !== undefined) shown.set(path, [...(shown.get(path) ?? []), String(row[title] ?? '')]);
			}
		}
	}
	return [...shown]
		.map(([path, names]) => ({ path, pages: names, isPlain: isPlain(path) }))
		.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** @returns the paths below the data directory, sorted, of the uploaded files that travel. */
export function uploadedFilesShownBy(
	tables: readonly TableRows[],
	catalog: readonly CatalogTable[],
): string[] {
	return filesShownBy(tables, catalog).flatMap((file) => (file.isPlain ? [file.path] : []));
}

function isPlain(path: string): boolean {
	const isOrdinary = path.length <= PATH_LENGTH_MAX && !/[\\\0]/.test(path);
	return isOrdinary && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
