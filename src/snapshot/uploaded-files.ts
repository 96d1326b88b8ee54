import type { TableRows } from '../model/row.ts';

// Kuma writes `/upload/logo1.png?t=1764000000123` into status_page.icon and serves the folder upload/ below the
// data directory at that path (its status page socket handler and server.js).
const UPLOADED = /^\/(upload\/[^?#]*)/;

/** What a manifest takes. */
const PATH_LENGTH_MAX = 1024;

/** A file that status pages show as their image. */
export interface ShownFile {
	/** Below the data directory, with forward slashes. */
	readonly path: string;
	/** What the pages are called. */
	readonly pages: readonly string[];
	/** Whether the path leads straight to a file below `upload/`. */
	readonly isPlain: boolean;
}

/** @returns the uploaded images that status pages show, ordered by path. */
export function filesShownBy(tables: readonly TableRows[]): ShownFile[] {
	const pages = tables.find(({ name }) => name === 'status_page');
	const icon = pages?.columns.findIndex(({ name }) => name === 'icon') ?? -1;
	const slug = pages?.columns.findIndex(({ name }) => name === 'slug') ?? -1;
	if (pages === undefined || icon < 0) return [];
	const shown = new Map<string, string[]>();
	for (const row of pages.rows) {
		const value = row[icon];
		const path = typeof value === 'string' ? UPLOADED.exec(value)?.[1] : undefined;
		if (path !== undefined) shown.set(path, [...(shown.get(path) ?? []), String(row[slug] ?? '')]);
	}
	return [...shown]
		.map(([path, names]) => ({ path, pages: names, isPlain: isPlain(path) }))
		.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** @returns the paths below the data directory, sorted, of the uploaded images that status pages show. */
export function uploadedFilesShownBy(tables: readonly TableRows[]): string[] {
	return filesShownBy(tables).flatMap((file) => (file.isPlain ? [file.path] : []));
}

function isPlain(path: string): boolean {
	const isOrdinary = path.length <= PATH_LENGTH_MAX && !/[\\\0]/.test(path);
	return isOrdinary && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
