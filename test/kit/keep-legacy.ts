import { randomBytes } from 'node:crypto';
import type { LegacySnapshot } from '../../src/model/lineage.ts';
import type { MemoryStore } from './memory-repository.ts';

/** Adds a tree, text or bytes by path, to a repository in memory as the original's newest snapshot. */
export function keepLegacy(
	store: MemoryStore,
	files: Readonly<Record<string, string | Uint8Array>>,
): LegacySnapshot {
	store.exists = true;
	const snapshot: LegacySnapshot = {
		id: randomBytes(32).toString('hex'),
		time: new Date(Date.UTC(2026, 10, 24, 10, store.legacy.length)).toISOString(),
		hostname: 'an-original',
		version: 2,
	};
	const bytes = Object.entries(files).map(([path, content]): [string, Uint8Array] => [
		path,
		Buffer.from(content),
	]);
	store.legacy.push({ snapshot, files: new Map(bytes) });
	return snapshot;
}
