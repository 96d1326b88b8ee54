import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CATALOG } from '../../catalog/index.ts';
import type { PublishedSnapshot, Repository } from '../../model/lineage.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { type ComparedContent, compareContents } from '../../plan/words/compare-contents.ts';
import { describePlanBriefly } from '../../plan/words/describe-plan.ts';
import { readTree } from '../../snapshot/read-tree.ts';

/** @returns a snapshot as it is compared with another. */
export function toCompared(snapshot: Snapshot): ComparedContent {
	return {
		content: snapshot.content,
		fileHashes: new Map(snapshot.manifest.files.map(({ path, sha256 }) => [path, sha256])),
	};
}

/** Fetches snapshots to compare them; the last one is kept in memory, as it is often the next one's parent. */
export class HistoryReader {
	readonly #repository: Repository;
	#last: { readonly id: string; readonly snapshot: Snapshot } | undefined;

	constructor(repository: Repository) {
		this.#repository = repository;
	}

	async read({ id, digest }: PublishedSnapshot): Promise<Snapshot> {
		if (this.#last?.id === id) return this.#last.snapshot;
		const directory = await mkdtemp(join(tmpdir(), 'replicator-kuma-'));
		try {
			await this.#repository.fetch({ id, directory });
			const snapshot = await readTree({ directory, where: id.slice(0, 8), expectedDigest: digest });
			this.#last = { id, snapshot };
			return snapshot;
		} finally {
			await rm(directory, { recursive: true, force: true });
		}
	}

	/** Says in a few words what a snapshot changed against its parent, where that is still there. */
	async describe(
		published: PublishedSnapshot,
		parent: PublishedSnapshot | null,
	): Promise<{ kumaVersion: string | null; changes: string | null }> {
		const snapshot = await this.read(published);
		const { kumaVersion } = snapshot.manifest;
		if (published.parentId === null) return { kumaVersion, changes: 'the first snapshot' };
		if (parent === null) return { kumaVersion, changes: null };
		const plan = compareContents({
			catalog: CATALOG,
			from: toCompared(await this.read(parent)),
			to: toCompared(snapshot),
		});
		return { kumaVersion, changes: describePlanBriefly(plan, CATALOG) };
	}
}
