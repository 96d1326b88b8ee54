import type { TableRows } from '../model/row.ts';

// Kuma writes `/upload/logo1.png?t=1764000000123` into status_page.icon and serves the folder upload/ below the
// data directory at that path (its status page socket handler and server.js).
const UPLOADED = /^\/(upload\/[^?#\\\0]+)(?:[?#].*)?$/;

/** @returns the paths below the data directory, sorted, of the uploaded images that status pages show. */
export function uploadedFilesShownBy(tables: readonly TableRows[]): string[] {
	const pages = tables.find(({ name }) => name === 'status_page');
	const icon = pages?.columns.findIndex(({ name }) => name === 'icon') ?? -1;
	if (pages === undefined || icon < 0) return [];
	const paths = new Set<string>();
	for (const row of pages.rows) {
		const value = row[icon];
		const path = typeof value === 'string' ? UPLOADED.exec(value)?.[1] : undefined;
		if (path !== undefined && isPlain(path)) paths.add(path);
	}
	return [...paths].sort();
}

function isPlain(path: string): boolean {
	return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
